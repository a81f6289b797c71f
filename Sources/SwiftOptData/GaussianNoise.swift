/// x + std · n with independent standard normal numbers n. Of the image's values, counted
/// through rows, columns and channels, value 256 g + 64 k + b gets that of word k of block
/// 64 g + b.
enum GaussianNoise: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("gaussian_noise", .pixel)
    description.setting("std", 0, .infinity)
  }

  static func settingCount(channels: Int) -> Int { 1 }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    let image = canvas.floats()
    let std = Float(settings[0])
    let words = UnsafeMutableRawPointer(canvas.scratch.histogram)
      .assumingMemoryBound(to: UInt32.self)
    var start = 0
    while start < image.count {
      let rest = image.count &- start
      let count = rest < 256 ? rest : 256
      let first = start / 4
      draws.part(first >> 16).fill(words, first: first & 0xFFFF)
      let pixels = image.pixels + start
      for index in 0..<count { pixels[index] += std * normal(words[index]) }
      start &+= 256
    }
  }
}
