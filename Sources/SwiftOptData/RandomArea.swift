import SwiftOptMath

/// The sides of a rectangle whose area is a random part of an image's, and whose ratio of
/// width to height is random too, uniform in its logarithm:
///
///     area  = H · W · (scale_low + (scale_high - scale_low) · u0)
///     ratio = ratio_low · (ratio_high / ratio_low)^u1
///     height = ⌊√(area / ratio) + ½⌋, width = ⌊√(area · ratio) + ½⌋
func randomSides(
  _ random: RandomBlock, height: Int, width: Int, scale: (low: Double, high: Double),
  ratio: (low: Double, high: Double)
) -> (height: Int, width: Int) {
  let area = Double(height &* width) * random.word0.between(scale.low, scale.high)
  let aspect = ratio.low * power(ratio.high / ratio.low, random.word1.share)
  return (
    Int((area / aspect).squareRoot() + 0.5), Int((area * aspect).squareRoot() + 0.5)
  )
}

extension Settings {
  /// Scale and ratio in four settings that begin with this one.
  func requireRanges(at first: Int) throws(DataProblem) {
    try require(
      self[first] <= self[first &+ 1], first, "scale_low", mustBe: "no more than scale_high")
    try require(
      self[first &+ 2] <= self[first &+ 3], first &+ 2, "ratio_low",
      mustBe: "no more than ratio_high")
  }
}

extension AugmentationDescription {
  func scaleAndRatio() {
    setting("scale_low", 0, 1, isAbove: true)
    setting("scale_high", 0, 1, isAbove: true)
    setting("ratio_low", 0.001, 1000)
    setting("ratio_high", 0.001, 1000)
  }
}
