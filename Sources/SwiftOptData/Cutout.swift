/// A rectangle of height × width about a random pixel set to `value`, what of it lies inside
/// (DeVries & Taylor 2017, "Improved regularization of convolutional neural networks with
/// cutout", section 3.2).
///
/// With centre (⌊H · u0⌋, ⌊W · u1⌋) it begins at row centre - ⌊height / 2⌋, column alike.
enum Cutout: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("cutout", .pixel)
    description.size()
    description.number("value")
  }

  static func settingCount(channels: Int) -> Int { 3 }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    let image = canvas.floats()
    let random = draws.block(0)
    let rows = clipped(random.word0.below(image.height), settings.whole(0), image.height)
    let columns = clipped(random.word1.below(image.width), settings.whole(1), image.width)
    image.fill(
      top: rows.begin, left: columns.begin, height: rows.end &- rows.begin,
      width: columns.end &- columns.begin, Float(settings[2]))
  }
}

/// Of `length` places about `centre`, those that are in 0 ..< count.
func clipped(_ centre: Int, _ length: Int, _ count: Int) -> (begin: Int, end: Int) {
  let begin = centre &- length >> 1
  let end = begin &+ length
  return (begin < 0 ? 0 : begin, end > count ? count : end)
}
