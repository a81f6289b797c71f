/// (x - mean) / std, another mean and std for each channel, computed as x · (1/std) - mean/std.
/// The last augmentation before the image is written costs nothing extra.
enum Normalize: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("normalize", .pixel)
    description.setting("mean", -.infinity, .infinity, perChannel: true)
    description.setting("std", 0, .infinity, isAbove: true, perChannel: true)
  }

  static func settingCount(channels: Int) -> Int { 2 &* channels }

  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {
    let image = canvas.floats()
    let numbers = Numbers(settings: settings, channels: image.channels)
    for channel in 0..<image.channels {
      let scale = Float(1 / numbers.std(channel))
      let offset = Float(-(numbers.mean(channel) / numbers.std(channel)))
      var index = channel
      while index < image.count {
        image.pixels[index] = image.pixels[index] * scale + offset
        index &+= image.channels
      }
    }
  }

  struct Numbers {
    let settings: Settings
    let channels: Int

    func mean(_ channel: Int) -> Double { settings[channel] }
    func std(_ channel: Int) -> Double { settings[channels &+ channel] }

    var isUniform: Bool {
      var same = true
      for channel in 1..<(channels > 1 ? channels : 1) {
        same = same && mean(channel) == mean(0) && std(channel) == std(0)
      }
      return same
    }
  }
}
