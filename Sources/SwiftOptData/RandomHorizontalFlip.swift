/// Left and right exchanged with probability p: if u0 < p.
enum RandomHorizontalFlip: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("random_horizontal_flip", .geometric)
    description.probability()
  }

  static func settingCount(channels: Int) -> Int { 1 }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    guard draws.block(0).word0.share < settings[0] else { return }
    canvas.show(
      SamplingMap(xColumn: -1, x0: Double(canvas.width &- 1)), height: canvas.height,
      width: canvas.width)
  }
}
