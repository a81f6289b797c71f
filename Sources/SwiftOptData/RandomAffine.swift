/// The image turned, sheared, scaled and shifted about its centre: see `affineMap`. With block
/// a = 0 and b = 1,
///
///     angle = degrees_low + (degrees_high - degrees_low) · a0
///     shift = (translate_width · W · (2 a1 - 1), translate_height · H · (2 a2 - 1))
///     scale = scale_low + (scale_high - scale_low) · a3
///     shears: tangents of shear_width · (2 b0 - 1) and shear_height · (2 b1 - 1) degrees
enum RandomAffine: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("random_affine", .geometric)
    description.setting("degrees_low", -360, 360)
    description.setting("degrees_high", -360, 360)
    description.setting("translate_height", 0, 1)
    description.setting("translate_width", 0, 1)
    description.setting("scale_low", 0.001, 1000)
    description.setting("scale_high", 0.001, 1000)
    description.setting("shear_height", 0, 89)
    description.setting("shear_width", 0, 89)
    description.number("fill")
  }

  static func settingCount(channels: Int) -> Int { 9 }

  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem) {
    try settings.require(
      settings[0] <= settings[1], 0, "degrees_low", mustBe: "no more than degrees_high")
    try settings.require(
      settings[4] <= settings[5], 4, "scale_low", mustBe: "no more than scale_high")
  }

  static func fill(_ settings: Settings) -> Double? { settings[8] }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    let (a, b) = (draws.block(0), draws.block(1))
    let map = affineMap(
      height: canvas.height, width: canvas.width,
      degrees: a.word0.between(settings[0], settings[1]),
      shiftY: settings[2] * Double(canvas.height) * (2 * a.word2.share - 1),
      shiftX: settings[3] * Double(canvas.width) * (2 * a.word1.share - 1),
      scale: a.word3.between(settings[4], settings[5]),
      shearY: tangent(degrees: settings[6] * (2 * b.word1.share - 1)),
      shearX: tangent(degrees: settings[7] * (2 * b.word0.share - 1)))
    canvas.show(map, height: canvas.height, width: canvas.width, fill: fill(settings))
  }
}
