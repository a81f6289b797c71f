/// The whole image with height × width pixels, bilinear: pixel (i, j) shows the place
/// ((i + ½) H / height - ½, (j + ½) W / width - ½). A much smaller image is not smoothed first.
enum Resize: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("resize", .geometric)
    description.size()
  }

  static func settingCount(channels: Int) -> Int { 2 }

  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem) {
    (size.height, size.width) = (settings.whole(0), settings.whole(1))
  }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    let (height, width) = (settings.whole(0), settings.whole(1))
    canvas.show(
      .resize(
        top: 0, left: 0, height: Double(canvas.height), width: Double(canvas.width),
        toHeight: height, toWidth: width),
      height: height, width: width)
  }
}
