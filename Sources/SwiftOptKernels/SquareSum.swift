import CSwiftOpt
import SwiftOptShims

/// The sum of a tile's squares in float64, and whether every element is finite.
///
/// float32 squares are exact in float64. A float64 gradient of a float32 parameter is
/// looked at as the rule will see it, rounded to float32: one that overflows there is
/// not finite. Finiteness is read off the bits; the sum may overflow without harm.
func squareSum(
  dtype: so_dtype, gradientDtype: so_dtype, gradient: UnsafeRawPointer, count: Int
) -> so_square_sum {
  let floats = gradient.assumingMemoryBound(to: Float.self)
  let doubles = gradient.assumingMemoryBound(to: Double.self)
  if gradientDtype == SO_FLOAT32 {
    return so_square_sum(
      sum: sumOfSquares(count, eight: { so_load_float8(floats + $0) }, one: { Double(floats[$0]) }),
      is_finite: isFinite(count, infinity: Float.infinity.bitPattern) { floats[$0].bitPattern })
  }
  if dtype == SO_FLOAT32 {
    return so_square_sum(
      sum: sumOfSquares(
        count, eight: { so_load_double8_as_float8(doubles + $0) },
        one: { Double(Float(doubles[$0])) }),
      is_finite: isFinite(count, infinity: Float.infinity.bitPattern) {
        Float(doubles[$0]).bitPattern
      })
  }
  return so_square_sum(
    sum: sumOfSquares(count, eight: { so_load_double8(doubles + $0) }, one: { doubles[$0] }),
    is_finite: isFinite(count, infinity: Double.infinity.bitPattern) { doubles[$0].bitPattern })
}

/// The order of the additions is fixed: lane i of 32 takes elements i, i + 32, …, then
/// a tree over the lanes. So the sum has the same bits at every level, and for every
/// thread count, because a tile is never split.
@inline(__always)
private func sumOfSquares(
  _ count: Int, eight: (Int) -> SIMD8<Double>, one: (Int) -> Double
) -> Double {
  var lanes0 = SIMD8<Double>()
  var lanes1 = SIMD8<Double>()
  var lanes2 = SIMD8<Double>()
  var lanes3 = SIMD8<Double>()
  var index = 0
  while index &+ 32 <= count {
    let values0 = eight(index)
    let values1 = eight(index &+ 8)
    let values2 = eight(index &+ 16)
    let values3 = eight(index &+ 24)
    lanes0 += values0 * values0
    lanes1 += values1 * values1
    lanes2 += values2 * values2
    lanes3 += values3 * values3
    index &+= 32
  }
  var rest = (SIMD8<Double>(), SIMD8<Double>(), SIMD8<Double>(), SIMD8<Double>())
  withUnsafeMutableBytes(of: &rest) { bytes in
    let lanes = bytes.assumingMemoryBound(to: Double.self)
    for lane in 0..<(count &- index) {
      lanes[lane] = one(index &+ lane)
    }
  }
  lanes0 += rest.0 * rest.0
  lanes1 += rest.1 * rest.1
  lanes2 += rest.2 * rest.2
  lanes3 += rest.3 * rest.3
  let sum8 = (lanes0 + lanes1) + (lanes2 + lanes3)
  let sum4 = sum8.lowHalf + sum8.highHalf
  let sum2 = sum4.lowHalf + sum4.highHalf
  return sum2[0] + sum2[1]
}

/// 1 if every bit pattern is that of a finite number, else 0.
@inline(__always)
private func isFinite<Bits: FixedWidthInteger>(
  _ count: Int, infinity: Bits, bits: (Int) -> Bits
) -> Int32 {
  var greatest: Bits = 0
  for index in 0..<count {
    // Without the sign, infinity is the least pattern that is not finite.
    let magnitude = bits(index) &<< 1
    greatest = magnitude > greatest ? magnitude : greatest
  }
  return greatest < infinity &<< 1 ? 1 : 0
}
