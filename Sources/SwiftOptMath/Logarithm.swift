/// ln 2 in two parts. The first has 42 bits, so that its product with a binary
/// exponent (11 bits) is exact.
let naturalLogarithmOf2 = DoubleDouble(high: 0x1.62e42fefa38p-1, low: 5.497923018708371e-14)

/// The natural logarithm of a positive finite number, to about 65 bits.
///
/// With x = 2^k m, m in [√½, √2), and s = (m - 1) / (m + 1):
///
///     ln x = k ln 2 + 2 artanh s = k ln 2 + 2 (s + s³/3 + s⁵/5 + ...)
///
/// |s| < 0.1716, so the term s²⁷/27, the first left out, is below 2^-70 of the
/// sum. Only s, s² and s³/3 need more than double precision: what follows them
/// is smaller by 2^-12.
public func logarithm(_ x: Double) -> DoubleDouble {
  let (m, k) = significandAndExponent(x)

  let numerator = m - 1  // exact, since m is in [½, 2]
  let denominator = DoubleDouble.exactSum(m, 1)
  let reciprocal = 1 / denominator.high
  let quotient = numerator * reciprocal
  let back = DoubleDouble.exactProduct(quotient, denominator.high)
  let remainder = ((numerator - back.high) - back.low) - quotient * denominator.low
  let s = DoubleDouble.exactOrderedSum(quotient, remainder * reciprocal)
  let square = s * s

  // Even and odd powers apart: two short chains instead of a long one.
  let z = square.high
  let zz = z * z
  let even =
    1.0 / 5 + zz * (1.0 / 9 + zz * (1.0 / 13 + zz * (1.0 / 17 + zz * (1.0 / 21 + zz * (1.0 / 25)))))
  let odd = 1.0 / 7 + zz * (1.0 / 11 + zz * (1.0 / 15 + zz * (1.0 / 19 + zz * (1.0 / 23))))
  let lowOfOneThird = 1.850371707708594e-17
  let series = DoubleDouble.exactOrderedSum(1.0 / 3, lowOfOneThird + z * (even + z * odd))
  let beyondLinear = s * (square * series)

  let artanh = DoubleDouble.exactOrderedSum(s.high, beyondLinear.high)
  let sum = DoubleDouble.exactOrderedSum(k * naturalLogarithmOf2.high, 2 * artanh.high)
  let low = 2 * (artanh.low + (s.low + beyondLinear.low)) + k * naturalLogarithmOf2.low
  return .exactOrderedSum(sum.high, sum.low + low)
}

/// x = 2^exponent · significand with a significand in [√½, √2).
@inline(__always)
private func significandAndExponent(_ x: Double) -> (significand: Double, exponent: Double) {
  let isSubnormal = x < Double.leastNormalMagnitude
  let bits = Int64(bitPattern: (isSubnormal ? x * 0x1p54 : x).bitPattern)
  let bitsOfRootOfHalf = Int64(bitPattern: (0.5 as Double).squareRoot().bitPattern)
  let exponent = (bits &- bitsOfRootOfHalf) &>> 52
  let significand = Double(bitPattern: UInt64(bitPattern: bits &- (exponent &<< 52)))
  return (significand, Double(exponent) - (isSubnormal ? 54 : 0))
}
