/// Brightness, contrast and saturation changed, in this order, each by a factor in
/// max(0, 1 - amount) ... 1 + amount; after each, values are bounded to 0 ... 1.
///
///     brightness  x · f
///     contrast    f · x + (1 - f) · mean of the gray image
///     saturation  f · x + (1 - f) · gray of the pixel (images of three channels only)
///
/// Gray is 0.299 R + 0.587 G + 0.114 B, of another number of channels the first. Draws: words
/// 0, 1, 2 of block 0. An amount of 0 leaves the image as it is.
enum ColorJitter: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("color_jitter", .pixel)
    description.setting("brightness", 0, .infinity)
    description.setting("contrast", 0, .infinity)
    description.setting("saturation", 0, .infinity)
  }

  static func settingCount(channels: Int) -> Int { 3 }

  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem) {
    try settings.require(
      settings[2] == 0 || size.channels == 3, 2, "saturation",
      mustBe: "0 unless the image has three channels")
  }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    let image = canvas.floats()
    let random = draws.block(0)
    if settings[0] > 0 { brighten(image, factor(random.word0, settings[0])) }
    if settings[1] > 0 { contrast(image, factor(random.word1, settings[1])) }
    if settings[2] > 0 { saturate(image, factor(random.word2, settings[2])) }
  }

  private static func factor(_ random: UInt32, _ amount: Double) -> Float {
    Float(random.between(amount < 1 ? 1 - amount : 0, 1 + amount))
  }
}

func brighten(_ image: FloatImage, _ factor: Float) { image.change { bounded($0 * factor) } }

func contrast(_ image: FloatImage, _ factor: Float) {
  let rest = Float((1 - Double(factor)) * image.meanGray)
  image.change { bounded(factor * $0 + rest) }
}

/// Of an image with three channels; others stay as they are.
func saturate(_ image: FloatImage, _ factor: Float) {
  guard image.channels == 3 else { return }
  for pixel in 0..<image.height &* image.width {
    let rest = (1 - factor) * image.gray(pixel)
    let values = image.pixels + 3 &* pixel
    values[0] = bounded(factor * values[0] + rest)
    values[1] = bounded(factor * values[1] + rest)
    values[2] = bounded(factor * values[2] + rest)
  }
}
