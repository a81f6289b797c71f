/// The images of a pair exchange a rectangle, and their labels are mixed in proportion to the
/// area (Yun et al. 2019, "CutMix: regularization strategy to train strong classifiers with
/// localizable features", section 3.1).
///
/// It happens with probability p, if word 0 of block 0 is below it. λ has the distribution
/// Beta(alpha, alpha), from words 0 and 1 of block 1: see `symmetricBeta`. The rectangle has
/// ⌊H √(1 - λ)⌋ rows and ⌊W √(1 - λ)⌋ columns about the pixel (⌊H · u1⌋, ⌊W · u2⌋) of block 0,
/// cut at the image's borders. Labels keep 1 - (its area) / (H · W) of their own. The random
/// numbers are those of the pair's first image.
enum CutMix: MixingAugmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("cutmix", .mixing)
    description.setting("alpha", 0, 1000, isAbove: true)
    description.probability()
  }

  static func settingCount(channels: Int) -> Int { 2 }

  static func mix<Pixel: MixedPixel>(
    _ settings: Settings, _ draws: Draws, _ first: UnsafeMutablePointer<Pixel>,
    _ second: UnsafeMutablePointer<Pixel>, _ size: ImageSize
  ) -> Double {
    let random = draws.block(0)
    guard random.word0.share < settings[1] else { return 1 }
    let words = draws.block(1)
    let side = (1 - symmetricBeta(settings[0], words.word0, words.word1)).squareRoot()
    let rows = clipped(
      random.word1.below(size.height), Int(Double(size.height) * side), size.height)
    let columns = clipped(
      random.word2.below(size.width), Int(Double(size.width) * side), size.width)
    let count = (columns.end &- columns.begin) &* size.channels
    for row in rows.begin..<rows.end {
      let start = (row &* size.width &+ columns.begin) &* size.channels
      for index in start..<start &+ count {
        let kept = first[index]
        first[index] = second[index]
        second[index] = kept
      }
    }
    let area = (rows.end &- rows.begin) &* (columns.end &- columns.begin)
    return 1 - Double(area) / Double(size.height &* size.width)
  }
}
