import SwiftOptMath

/// Half a cosine wave from `initial` to `final`.
///
///     final + (initial - final) · (1 + cos(π n / total)) / 2    for n < total, then final
///
/// Operands: initial, final, total. Source: I. Loshchilov and F. Hutter, "SGDR:
/// Stochastic Gradient Descent with Warm Restarts", ICLR 2017, equation 5, for one
/// period.
struct CosineAnnealing: PointwiseForm {
  private let initial: Double
  private let final: Double
  private let total: Double

  static func operandCount(_: Operands) -> Int { 3 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[2] > 0, at: 2, mustBe: "a total greater than 0")
  }

  init(_ operands: Operands) {
    (initial, final, total) = (operands[0], operands[1], operands[2])
  }

  @inline(__always)
  func value(at step: Double) -> Double {
    let weight = halfWave(remainingShare(of: total, at: step))
    return interpolate(from: final, to: initial, fraction: step < total ? weight : 0)
  }
}

/// (1 - cos(π share)) / 2 for a share in [0, 1], exactly 0 and 1 at the ends.
///
/// For the share that remains, 1 - n / total, this is (1 + cos(π n / total)) / 2, but
/// it keeps all its digits near the end, where 1 + cos cancels.
@inline(__always)
func halfWave(_ share: DoubleDouble) -> Double {
  let sine = sineOfPi(DoubleDouble(high: 0.5 * share.high, low: 0.5 * share.low))
  return sine * sine
}
