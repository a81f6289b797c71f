/// What a layer leaves for a batch norm that follows: the sums of each channel of what it
/// stored, and of its squares, in float64. Each share of the work has sums of its own, which
/// `finish` adds up in their order.
struct ChannelSums {
  let sums: UnsafeMutablePointer<Double>?
  let squares: UnsafeMutablePointer<Double>?
  let partials: UnsafeMutablePointer<Double>
  /// Channels, rounded up to whole vectors.
  let lanes: Int

  @inline(__always)
  static func bytes(shares: Int, lanes: Int) -> Int { shares &* lanes &* 16 }

  @inline(__always)
  var areWanted: Bool { sums != nil || squares != nil }

  @inline(__always)
  func begin(share: Int) {
    guard areWanted else { return }
    for index in 0..<2 &* lanes { partials[share &* 2 &* lanes &+ index] = 0 }
  }

  /// The sixteen sums, then the sixteen sums of squares, of a share from this lane on.
  @inline(__always)
  func place(share: Int, lane: Int) -> UnsafeMutablePointer<Double> {
    partials + (share &* lanes &+ lane) &* 2
  }

  /// `lane` says in which lane a channel was added up.
  @inline(__always)
  func finish(shares: Int, channels: Int, lane: (Int) -> Int = { $0 }) {
    guard areWanted else { return }
    for channel in 0..<channels {
      var (sum, square) = (0.0, 0.0)
      let lane = lane(channel)
      for share in 0..<shares {
        let place = self.place(share: share, lane: lane & ~15) + lane & 15
        sum += place[0]
        square += place[16]
      }
      sums?[channel] = sum
      squares?[channel] = square
    }
  }
}

/// The sums of sixteen channels while they are in registers.
struct SixteenSums<Number: LayerNumber> {
  var sums = SIMD16<Double>()
  var squares = SIMD16<Double>()

  @inline(__always)
  init(_ place: UnsafePointer<Double>) {
    sums = Double.load16(place)
    squares = Double.load16(place + 16)
  }

  /// Of float32 numbers the squares are exact in float64, so that fusing changes no bit.
  @inline(__always)
  mutating func add(_ numbers: SIMD16<Number>) {
    let wide = Number.widened16(numbers)
    sums = Double.add16(sums, wide)
    squares = Double.fused16(wide, wide, squares)
  }

  /// Four at once: bfloat16 numbers in float32, where their squares are exact (up to 1.8e19, from
  /// where on they are infinite), before they are added to the others.
  @inline(__always)
  mutating func add<Element: LayerElement>(
    _ stored: Element.Type, _ a: SIMD16<Number>, _ b: SIMD16<Number>, _ c: SIMD16<Number>,
    _ d: SIMD16<Number>
  ) where Element.Number == Number {
    if Element.self == BFloat16.self {
      sums = Double.add16(sums, Number.widened16((a + b) + (c + d)))
      squares = Double.add16(squares, Number.widened16((a * a + b * b) + (c * c + d * d)))
    } else {
      add(a)
      add(b)
      add(c)
      add(d)
    }
  }

  @inline(__always)
  func store(_ place: UnsafeMutablePointer<Double>) {
    Double.store16(sums, place)
    Double.store16(squares, place + 16)
  }
}
