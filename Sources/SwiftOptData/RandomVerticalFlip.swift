/// Top and bottom exchanged with probability p: if u0 < p.
enum RandomVerticalFlip: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("random_vertical_flip", .geometric)
    description.probability()
  }

  static func settingCount(channels: Int) -> Int { 1 }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    guard draws.block(0).word0.share < settings[0] else { return }
    canvas.show(
      SamplingMap(yRow: -1, y0: Double(canvas.height &- 1)), height: canvas.height,
      width: canvas.width)
  }
}
