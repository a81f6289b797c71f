/// Pixels that an augmentation works on in place: dense rows of interleaved channels.
struct FloatImage {
  let pixels: UnsafeMutablePointer<Float>
  let height: Int
  let width: Int
  let channels: Int

  var count: Int { height &* width &* channels }

  /// What becomes of each value.
  @inline(__always)
  func change(_ body: (Float) -> Float) {
    for index in 0..<count { pixels[index] = body(pixels[index]) }
  }

  /// How bright a pixel is: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), of another number of
  /// channels the first.
  @inline(__always)
  func gray(_ pixel: Int) -> Float {
    let values = pixels + pixel &* channels
    return channels == 3 ? 0.299 * values[0] + 0.587 * values[1] + 0.114 * values[2] : values[0]
  }

  /// The mean of `gray` over all pixels, of four sums that take the pixels in turn.
  var meanGray: Double {
    var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
    let total = height &* width
    var pixel = 0
    while pixel &+ 4 <= total {
      a += Double(gray(pixel))
      b += Double(gray(pixel &+ 1))
      c += Double(gray(pixel &+ 2))
      d += Double(gray(pixel &+ 3))
      pixel &+= 4
    }
    while pixel < total {
      a += Double(gray(pixel))
      pixel &+= 1
    }
    return ((a + b) + (c + d)) / Double(total)
  }

  /// A number for all channels of a rectangle.
  func fill(top: Int, left: Int, height rows: Int, width columns: Int, _ value: Float) {
    for row in top..<top &+ rows {
      let start = pixels + (row &* width &+ left) &* channels
      for index in 0..<columns &* channels { start[index] = value }
    }
  }
}

/// In 0 ... 1.
@inline(__always)
func bounded(_ x: Float) -> Float {
  let positive = x > 0 ? x : 0
  return positive < 1 ? positive : 1
}
