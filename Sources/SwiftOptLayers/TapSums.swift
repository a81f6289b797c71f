/// The gradient of a weight from one row of the output's gradient: for each tap the sum over the
/// row's places of what the tap sees times the gradient, sixteen channels at a time. Nine taps
/// are taken at once, so that the gradient is read once for a kernel of three by three.
struct TapSums<Number: LayerNumber> {
  /// Where each of nine taps begins to read, and where its sixteen sums are.
  private let values: UnsafeMutablePointer<UnsafePointer<Number>>
  private let sums: UnsafeMutablePointer<UnsafeMutablePointer<Number>>
  private var count = 0

  static var bytes: Int { 256 }

  /// `memory` has `bytes` bytes.
  @inline(__always)
  init(_ memory: UnsafeMutableRawPointer) {
    values = memory.assumingMemoryBound(to: UnsafePointer<Number>.self)
    sums = (memory + 128).assumingMemoryBound(to: UnsafeMutablePointer<Number>.self)
  }

  /// True if there are nine.
  @inline(__always)
  mutating func append(_ value: UnsafePointer<Number>, _ sum: UnsafeMutablePointer<Number>) -> Bool
  {
    values[count] = value
    sums[count] = sum
    count &+= 1
    return count == 9
  }

  /// Adds to their sums and forgets the taps. `gradient` gives a place's sixteen channels, `value` what
  /// a tap sees of the place, `step` further for each.
  @inline(__always)
  mutating func add(
    places: Int, step: Int, gradient: (Int) -> SIMD16<Number>,
    value: (UnsafePointer<Number>) -> SIMD16<Number>
  ) {
    guard count > 0 else { return }
    for index in count..<9 { values[index] = values[0] }
    let (p0, p1, p2) = (values[0], values[1], values[2])
    let (p3, p4, p5) = (values[3], values[4], values[5])
    let (p6, p7, p8) = (values[6], values[7], values[8])
    var (s0, s1, s2) = (SIMD16<Number>(), SIMD16<Number>(), SIMD16<Number>())
    var (s3, s4, s5) = (SIMD16<Number>(), SIMD16<Number>(), SIMD16<Number>())
    var (s6, s7, s8) = (SIMD16<Number>(), SIMD16<Number>(), SIMD16<Number>())
    var offset = 0
    for place in 0..<places {
      let factor = gradient(place)
      s0 = Number.fused16(value(p0 + offset), factor, s0)
      s1 = Number.fused16(value(p1 + offset), factor, s1)
      s2 = Number.fused16(value(p2 + offset), factor, s2)
      s3 = Number.fused16(value(p3 + offset), factor, s3)
      s4 = Number.fused16(value(p4 + offset), factor, s4)
      s5 = Number.fused16(value(p5 + offset), factor, s5)
      s6 = Number.fused16(value(p6 + offset), factor, s6)
      s7 = Number.fused16(value(p7 + offset), factor, s7)
      s8 = Number.fused16(value(p8 + offset), factor, s8)
      offset &+= step
    }
    addTo(0, s0)
    addTo(1, s1)
    addTo(2, s2)
    addTo(3, s3)
    addTo(4, s4)
    addTo(5, s5)
    addTo(6, s6)
    addTo(7, s7)
    addTo(8, s8)
    count = 0
  }

  @inline(__always)
  private func addTo(_ tap: Int, _ numbers: SIMD16<Number>) {
    guard tap < count else { return }
    Number.store16(Number.add16(Number.load16(sums[tap]), numbers), sums[tap])
  }
}

/// Adds sums up in float64, and begins them again at 0.
@inline(never)
func flush<Number: LayerNumber>(
  _ sums: UnsafeMutablePointer<Number>, _ count: Int, into totals: UnsafeMutablePointer<Double>
) {
  var index = 0
  while index < count {
    let wide = Number.widened16(Number.load16(sums + index))
    Double.store16(Double.add16(Double.load16(totals + index), wide), totals + index)
    Number.store16(SIMD16<Number>(), sums + index)
    index &+= 16
  }
}
