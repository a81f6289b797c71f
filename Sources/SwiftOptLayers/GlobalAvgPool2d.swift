/// y[n, c] = Σ x[n, p, c] / pixels: the mean over an image's places, summed up in float64.
enum GlobalAvgPool2d: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("global_avg_pool2d")
    description.input("x")
    description.output("y")
    description.size("batch")
    description.size("pixels")
    description.size("channels")
  }

  static func plan(_ plan: LayerPlan) {
    for size in 0..<3 { plan.positive(size) }
    plan.count(0, plan.size(0), plan.size(1), plan.size(2))
    plan.count(1, plan.size(0), plan.size(2))
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let (pixels, channels) = (call.size(1), call.size(2))
    let (x, y) = (call.values(0), call.values(1))
    let pieces = (channels &- 1) / 64 &+ 1
    // Up to 64 channels of an image at a time: its places are read from cache lines as they lie.
    parallelFor(call.size(0) &* pieces, grain: 1) { begin, end, _ in
      for index in begin..<end {
        let (image, first) = (index / pieces, index % pieces &* 64)
        let source = x + (image &* pixels &* channels &+ first)
        let target = y + (image &* channels &+ first)
        let count = channels &- first
        if count >= 64 {
          mean64(source, pixels, channels, target)
        } else {
          var channel = 0
          while channel < count {
            var sum = SIMD16<Double>(repeating: 0)
            for pixel in 0..<pixels {
              let value = load(source + (pixel &* channels &+ channel), first: count &- channel)
              sum = Double.add16(sum, Number.widened16(value))
            }
            let mean = Number.narrowed16(Double.divide16(sum, Double(pixels)))
            store(mean, target + channel, first: count &- channel)
            channel &+= 16
          }
        }
      }
    }
    return ranWell
  }

  @inline(__always)
  private static func mean64<Element: LayerElement>(
    _ source: UnsafePointer<Element>, _ pixels: Int, _ channels: Int,
    _ target: UnsafeMutablePointer<Element>
  ) {
    typealias Number = Element.Number
    var (s0, s1) = (SIMD16<Double>(repeating: 0), SIMD16<Double>(repeating: 0))
    var (s2, s3) = (SIMD16<Double>(repeating: 0), SIMD16<Double>(repeating: 0))
    for pixel in 0..<pixels {
      let values = source + pixel &* channels
      s0 = Double.add16(s0, Number.widened16(Element.load16(values)))
      s1 = Double.add16(s1, Number.widened16(Element.load16(values + 16)))
      s2 = Double.add16(s2, Number.widened16(Element.load16(values + 32)))
      s3 = Double.add16(s3, Number.widened16(Element.load16(values + 48)))
    }
    let count = Double(pixels)
    Element.store16(Number.narrowed16(Double.divide16(s0, count)), target)
    Element.store16(Number.narrowed16(Double.divide16(s1, count)), target + 16)
    Element.store16(Number.narrowed16(Double.divide16(s2, count)), target + 32)
    Element.store16(Number.narrowed16(Double.divide16(s3, count)), target + 48)
  }
}

/// dx[n, p, c] = dy[n, c] / pixels.
enum GlobalAvgPool2dBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("global_avg_pool2d_backward")
    description.input("dy")
    description.output("dx")
    description.size("batch")
    description.size("pixels")
    description.size("channels")
  }

  static func plan(_ plan: LayerPlan) {
    for size in 0..<3 { plan.positive(size) }
    plan.count(0, plan.size(0), plan.size(2))
    plan.count(1, plan.size(0), plan.size(1), plan.size(2))
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let (pixels, channels) = (call.size(1), call.size(2))
    let (dy, dx) = (call.values(0), call.values(1))
    let share = Number(Double(pixels))
    // Some places of one image at a time.
    let each = channels > 4096 ? 1 : 4096 / channels
    let pieces = (pixels &- 1) / each &+ 1
    parallelFor(call.size(0) &* pieces, grain: 1) { begin, end, _ in
      for index in begin..<end {
        let (image, first) = (index / pieces, index % pieces &* each)
        let last = pixels &- first < each ? pixels : first &+ each
        var channel = 0
        while channel < channels {
          let count = channels &- channel
          let value = Number.divide16(
            load(dy + (image &* channels &+ channel), first: count), share)
          for pixel in first..<last {
            let target = dx + ((image &* pixels &+ pixel) &* channels &+ channel)
            store(value, target, first: count)
          }
          channel &+= 16
        }
      }
    }
    return ranWell
  }
}
