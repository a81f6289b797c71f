/// A window of random area and shape at a random place, shown with height × width pixels
/// (Szegedy et al. 2015, "Going deeper with convolutions", section 6).
///
/// Of ten windows, tries t = 0 ... 9 with block t (sides: `randomSides`; top from word 2, left
/// from word 3), the first that fits the image is taken; if none does, the largest one in the
/// middle whose ratio is allowed.
enum RandomResizedCrop: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("random_resized_crop", .geometric)
    description.size()
    description.scaleAndRatio()
  }

  static func settingCount(channels: Int) -> Int { 6 }

  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem) {
    try settings.requireRanges(at: 2)
    (size.height, size.width) = (settings.whole(0), settings.whole(1))
  }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    let (toHeight, toWidth) = (settings.whole(0), settings.whole(1))
    let window = window(settings, draws, canvas.height, canvas.width)
    canvas.show(
      .resize(
        top: Double(window.top), left: Double(window.left), height: Double(window.height),
        width: Double(window.width), toHeight: toHeight, toWidth: toWidth),
      height: toHeight, width: toWidth)
  }

  private static func window(
    _ settings: Settings, _ draws: Draws, _ height: Int, _ width: Int
  ) -> (top: Int, left: Int, height: Int, width: Int) {
    let ratio = (low: settings[4], high: settings[5])
    for attempt in 0..<10 {
      let random = draws.block(attempt)
      let sides = randomSides(
        random, height: height, width: width, scale: (settings[2], settings[3]), ratio: ratio)
      if sides.height > 0 && sides.height <= height && sides.width > 0 && sides.width <= width {
        return (
          random.word2.below(height &- sides.height &+ 1),
          random.word3.below(width &- sides.width &+ 1), sides.height, sides.width
        )
      }
    }
    var (h, w) = (height, width)
    let aspect = Double(width) / Double(height)
    if aspect < ratio.low { h = atLeast1(Double(width) / ratio.low) }
    if aspect > ratio.high { w = atLeast1(Double(height) * ratio.high) }
    return ((height &- h) >> 1, (width &- w) >> 1, h, w)
  }

  private static func atLeast1(_ side: Double) -> Int { side < 1 ? 1 : Int(side + 0.5) }
}
