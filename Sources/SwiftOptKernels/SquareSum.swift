import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// The sum of a tile's squares in float64, and whether every element is finite.
///
/// A gradient is looked at as the rule will see it, rounded to the computation's dtype: a
/// float64 one that overflows float32 is not finite. Squares of float32 are exact in
/// float64 and their sum can't overflow, so it is finite exactly if all elements are;
/// float64 ones are told by their bits, and the sum may overflow without harm.
func squareSum(
  dtype: so_dtype, gradientDtype: so_dtype, gradient: UnsafeRawPointer, count: Int
) -> so_square_sum {
  let floats = gradient.assumingMemoryBound(to: Float.self)
  let doubles = gradient.assumingMemoryBound(to: Double.self)
  switch gradientDtype {
  case SO_FLOAT32:
    return finiteSum(sumOfSquares(floats, count))
  case SO_FLOAT64 where dtype == SO_FLOAT32:
    return finiteSum(
      sumOfSquares(
        count, eight: { so_load_double8_as_float8(doubles + $0) },
        one: { Double(Float(doubles[$0])) }))
  case SO_FLOAT64:
    return so_square_sum(
      sum: sumOfSquares(doubles, count),
      is_finite: isFinite(count, infinity: Double.infinity.bitPattern) { doubles[$0].bitPattern })
  default:
    return finiteSum(decodedSumOfSquares(gradient, gradientDtype, count))
  }
}

private func finiteSum(_ sum: Double) -> so_square_sum {
  so_square_sum(sum: sum, is_finite: sum.isFinite ? 1 : 0)
}

/// Through a small buffer that stays in the first cache level.
private func decodedSumOfSquares(
  _ data: UnsafeRawPointer, _ dtype: so_dtype, _ count: Int
) -> Double {
  var buffer = DecodeBuffer()
  return withUnsafeMutableBytes(of: &buffer) { bytes in
    let values = bytes.assumingMemoryBound(to: Float.self).baseAddress!
    let size = elementSize(dtype)
    var total = 0.0
    var index = 0
    while index < count {
      let length = min(256, count &- index)
      let stored = so_stored(
        data: UnsafeMutableRawPointer(mutating: data) + index &* size, scales: nil, dtype: dtype,
        rounding: 0, count: Int64(length), index: 0, random_key: 0, random_update: 0)
      decode(stored, into: values)
      total += sumOfSquares(values, length)
      index &+= length
    }
    return total
  }
}

/// 256 floats.
private struct DecodeBuffer {
  typealias Four = (SIMD64<Float>, SIMD64<Float>, SIMD64<Float>, SIMD64<Float>)
  var values = Four(SIMD64(), SIMD64(), SIMD64(), SIMD64())
}

func sumOfSquares(_ values: UnsafePointer<Float>, _ count: Int) -> Double {
  sumOfSquares(count, eight: { so_load_float8(values + $0) }, one: { Double(values[$0]) })
}

func sumOfSquares(_ values: UnsafePointer<Double>, _ count: Int) -> Double {
  sumOfSquares(count, eight: { so_load_double8(values + $0) }, one: { values[$0] })
}

@inline(__always)
func sumOfSquares<Scalar: RealScalar>(_ values: UnsafePointer<Scalar>, _ count: Int) -> Double {
  let raw = UnsafeRawPointer(values)
  return MemoryLayout<Scalar>.size == 4
    ? sumOfSquares(raw.assumingMemoryBound(to: Float.self), count)
    : sumOfSquares(raw.assumingMemoryBound(to: Double.self), count)
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
