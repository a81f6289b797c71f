/// A window of height × width at a random place of the image, which may be padded first with
/// `fill` on each side.
///
///     top  = ⌊(H + 2 · padding_height - height + 1) · u0⌋ - padding_height, left alike with u1
///
/// Without padding the window lies inside. Draws: words 0 and 1 of block 0.
enum RandomCrop: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("random_crop", .geometric)
    description.size()
    description.setting("padding_height", 0, mostPixelsOfASide, isWhole: true)
    description.setting("padding_width", 0, mostPixelsOfASide, isWhole: true)
    description.number("fill")
  }

  static func settingCount(channels: Int) -> Int { 5 }

  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem) {
    try settings.require(
      settings.whole(0) <= size.height &+ 2 &* settings.whole(2), 0, "height",
      mustBe: "no more than the padded image has")
    try settings.require(
      settings.whole(1) <= size.width &+ 2 &* settings.whole(3), 1, "width",
      mustBe: "no more than the padded image has")
    (size.height, size.width) = (settings.whole(0), settings.whole(1))
  }

  static func fill(_ settings: Settings) -> Double? {
    settings[2] + settings[3] == 0 ? nil : settings[4]
  }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    let (height, width) = (settings.whole(0), settings.whole(1))
    let (padY, padX) = (settings.whole(2), settings.whole(3))
    let random = draws.block(0)
    let top = random.word0.below(canvas.height &+ 2 &* padY &- height &+ 1) &- padY
    let left = random.word1.below(canvas.width &+ 2 &* padX &- width &+ 1) &- padX
    canvas.show(
      .window(top: top, left: left), height: height, width: width,
      fill: fill(settings))
  }
}
