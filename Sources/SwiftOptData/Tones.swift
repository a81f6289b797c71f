/// A value in 0 ... 1 as one of 256 levels.
@inline(__always)
private func level(_ x: Float) -> Int { Int(bounded(x) * 255 + 0.5) }

/// Keeps the upper bits of the 8 that a value has.
func posterize(_ image: FloatImage, bits: Int) {
  let mask = 0xFF &<< (8 &- bits) & 0xFF
  image.change { Float(level($0) & mask) / 255 }
}

/// Inverts values from a threshold on.
func solarize(_ image: FloatImage, from threshold: Float) {
  image.change { $0 >= threshold ? 1 - $0 : $0 }
}

/// Stretches each channel so that it reaches from 0 to 1. A channel of one value stays.
func autoContrast(_ image: FloatImage) {
  for channel in 0..<image.channels {
    var (least, greatest) = (image.pixels[channel], image.pixels[channel])
    var index = channel
    while index < image.count {
      let value = image.pixels[index]
      least = value < least ? value : least
      greatest = value > greatest ? value : greatest
      index &+= image.channels
    }
    guard greatest > least else { continue }
    let scale = 1 / (greatest - least)
    index = channel
    while index < image.count {
      image.pixels[index] = bounded((image.pixels[index] - least) * scale)
      index &+= image.channels
    }
  }
}

/// Spreads the levels of each channel so that all are about equally frequent: level v becomes
/// ⌊(pixels below v + ⌊step / 2⌋) / step⌋, where step is a 255th of the pixels that are not of
/// the channel's highest level. A channel with fewer of these than 255 stays.
func equalize(_ image: FloatImage, _ histogram: UnsafeMutablePointer<Int32>) {
  for channel in 0..<image.channels {
    for value in 0..<256 { histogram[value] = 0 }
    var index = channel
    while index < image.count {
      histogram[level(image.pixels[index])] &+= 1
      index &+= image.channels
    }
    var highest = 255
    while highest > 0, histogram[highest] == 0 { highest &-= 1 }
    let step = (Int32(truncatingIfNeeded: image.height &* image.width) &- histogram[highest]) / 255
    guard step > 0 else { continue }
    var below: Int32 = 0
    for value in 0..<256 {
      let count = histogram[value]
      let spread = (below &+ step / 2) / step
      histogram[value] = spread < 255 ? spread : 255
      below &+= count
    }
    index = channel
    while index < image.count {
      image.pixels[index] = Float(histogram[level(image.pixels[index])]) / 255
      index &+= image.channels
    }
  }
}
