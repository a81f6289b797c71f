/// The window of height × width in the middle: top = ⌊(H - height) / 2⌋, left alike.
enum CenterCrop: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("center_crop", .geometric)
    description.size()
  }

  static func settingCount(channels: Int) -> Int { 2 }

  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem) {
    try settings.require(
      settings.whole(0) <= size.height, 0, "height", mustBe: "no more than the image has")
    try settings.require(
      settings.whole(1) <= size.width, 1, "width", mustBe: "no more than the image has")
    (size.height, size.width) = (settings.whole(0), settings.whole(1))
  }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    let (height, width) = (settings.whole(0), settings.whole(1))
    let (top, left) = ((canvas.height &- height) >> 1, (canvas.width &- width) >> 1)
    canvas.show(.window(top: top, left: left), height: height, width: width)
  }
}
