/// `num_ops` augmentations in a row, each any of fourteen, all as strong as `magnitude` says,
/// 0 ... 30 (Cubuk et al. 2020, "RandAugment: practical automated data augmentation with a
/// reduced search space").
///
/// The k-th takes block k: augmentation ⌊14 · u0⌋ of the list below, in the negative direction
/// if u1 < ½. With s = magnitude / 30 and the direction's sign:
///
///      0 identity
///      1 shear_x, 2 shear_y       the tangent is ±0.3 s
///      3 translate_x, 4 translate_y   by ±(150 / 331) s of the width or height
///      5 rotate                   by ±30 s degrees
///      6 brightness, 7 saturation, 8 contrast, 9 sharpness   with factor 1 ± 0.9 s
///     10 posterize                8 - ⌊4 s + ½⌋ bits are left of 8
///     11 solarize                 from 1 - s on
///     12 auto_contrast, 13 equalize
///
/// Values are taken to be in 0 ... 1.
enum RandAugment: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("rand_augment", .pixel)
    description.setting("num_ops", 0, 64, isWhole: true)
    description.setting("magnitude", 0, 30)
    description.number("fill")
  }

  static func settingCount(channels: Int) -> Int { 3 }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    for step in 0..<settings.whole(0) {
      let random = draws.block(step)
      let strength = settings[1] / 30
      apply(
        random.word0.below(14), strength, random.word1.share < 0.5 ? -strength : strength,
        fill: settings[2], &canvas)
    }
  }

  private static func apply(
    _ operation: Int, _ strength: Double, _ signed: Double, fill: Double, _ canvas: inout Canvas
  ) {
    switch operation {
    case 1: move(&canvas, fill: fill, shearX: 0.3 * signed)
    case 2: move(&canvas, fill: fill, shearY: 0.3 * signed)
    case 3: move(&canvas, fill: fill, shiftX: 150.0 / 331 * signed * Double(canvas.width))
    case 4: move(&canvas, fill: fill, shiftY: 150.0 / 331 * signed * Double(canvas.height))
    case 5: move(&canvas, fill: fill, degrees: 30 * signed)
    case 6: brighten(canvas.floats(), Float(1 + 0.9 * signed))
    case 7: saturate(canvas.floats(), Float(1 + 0.9 * signed))
    case 8: contrast(canvas.floats(), Float(1 + 0.9 * signed))
    case 9: sharpen(canvas.floats(), Float(1 + 0.9 * signed), rows: canvas.scratch.row)
    case 10: posterize(canvas.floats(), bits: 8 &- Int(4 * strength + 0.5))
    case 11: solarize(canvas.floats(), from: Float(1 - strength))
    case 12: autoContrast(canvas.floats())
    case 13: equalize(canvas.floats(), canvas.scratch.histogram)
    default: break
    }
  }

  private static func move(
    _ canvas: inout Canvas, fill: Double, degrees: Double = 0, shiftY: Double = 0,
    shiftX: Double = 0, shearY: Double = 0, shearX: Double = 0
  ) {
    let map = affineMap(
      height: canvas.height, width: canvas.width, degrees: degrees, shiftY: shiftY, shiftX: shiftX,
      scale: 1, shearY: shearY, shearX: shearX)
    canvas.show(map, height: canvas.height, width: canvas.width, fill: fill)
  }
}
