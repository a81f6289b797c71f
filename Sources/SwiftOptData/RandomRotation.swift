/// The image turned about its centre by degrees_low + (degrees_high - degrees_low) · u0,
/// counter-clockwise; `fill` where nothing is.
enum RandomRotation: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("random_rotation", .geometric)
    description.setting("degrees_low", -360, 360)
    description.setting("degrees_high", -360, 360)
    description.number("fill")
  }

  static func settingCount(channels: Int) -> Int { 3 }

  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem) {
    try settings.require(
      settings[0] <= settings[1], 0, "degrees_low", mustBe: "no more than degrees_high")
  }

  static func fill(_ settings: Settings) -> Double? { settings[2] }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    let degrees = draws.block(0).word0.between(settings[0], settings[1])
    let map = affineMap(
      height: canvas.height, width: canvas.width, degrees: degrees, shiftY: 0, shiftX: 0, scale: 1,
      shearY: 0, shearX: 0)
    canvas.show(map, height: canvas.height, width: canvas.width, fill: fill(settings))
  }
}
