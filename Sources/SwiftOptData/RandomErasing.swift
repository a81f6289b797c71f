/// A random rectangle set to `value`, with probability p (Zhong et al. 2020, "Random erasing
/// data augmentation", algorithm 1).
///
/// It happens if word 0 of block 0 is below p. Of ten rectangles, tries t = 0 ... 9 with block
/// 1 + t (sides: `randomSides`; top from word 2, left from word 3), the first that is smaller
/// than the image in both directions is taken; if none is, nothing happens.
enum RandomErasing: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("random_erasing", .pixel)
    description.probability()
    description.scaleAndRatio()
    description.number("value")
  }

  static func settingCount(channels: Int) -> Int { 6 }

  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem) {
    try settings.requireRanges(at: 1)
  }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    guard draws.block(0).word0.share < settings[0] else { return }
    let image = canvas.floats()
    for attempt in 1...10 {
      let random = draws.block(attempt)
      let sides = randomSides(
        random, height: image.height, width: image.width, scale: (settings[1], settings[2]),
        ratio: (settings[3], settings[4]))
      if sides.height < image.height && sides.width < image.width {
        image.fill(
          top: random.word2.below(image.height &- sides.height &+ 1),
          left: random.word3.below(image.width &- sides.width &+ 1), height: sides.height,
          width: sides.width, Float(settings[5]))
        return
      }
    }
  }
}
