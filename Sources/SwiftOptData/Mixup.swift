/// Both images of a pair become mixtures, λ of themselves and 1 - λ of the other, and so do
/// their labels; λ has the distribution Beta(alpha, alpha) (Zhang et al. 2018, "mixup: beyond
/// empirical risk minimization", section 2).
///
/// It happens with probability p, if word 0 of block 0 is below it. λ comes from words 0 and 1
/// of block 1: see `symmetricBeta`. The random numbers are those of the pair's first image.
enum Mixup: MixingAugmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("mixup", .mixing)
    description.setting("alpha", 0, 1000, isAbove: true)
    description.probability()
  }

  static func settingCount(channels: Int) -> Int { 2 }

  static func mix<Pixel: MixedPixel>(
    _ settings: Settings, _ draws: Draws, _ first: UnsafeMutablePointer<Pixel>,
    _ second: UnsafeMutablePointer<Pixel>, _ size: ImageSize
  ) -> Double {
    guard draws.block(0).word0.share < settings[1] else { return 1 }
    let random = draws.block(1)
    let share = symmetricBeta(settings[0], random.word0, random.word1)
    let (own, other) = (Pixel.Number(share), Pixel.Number(1 - share))
    for index in 0..<size.height &* size.width &* size.channels {
      let (a, b) = (first[index].number, second[index].number)
      first[index] = Pixel(number: own * a + other * b)
      second[index] = Pixel(number: own * b + other * a)
    }
    return share
  }
}
