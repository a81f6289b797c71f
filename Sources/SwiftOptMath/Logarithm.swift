/// ln 2 in two parts. The first has 42 bits, so that its product with a binary
/// exponent (11 bits) is exact.
@inlinable @inline(__always)
var naturalLogarithmOf2: DoubleDouble {
  DoubleDouble(high: 0x1.62e42fefa38p-1, low: 5.497923018708371e-14)
}

/// The natural logarithm of a positive finite number, to about 65 bits.
///
/// With x = 2^k m, m in [√½, √2), and s = (m - 1) / (m + 1):
///
///     ln x = k ln 2 + 2 artanh s = k ln 2 + 2 (s + s³/3 + s⁵/5 + ...)
///
/// |s| < 0.1716, so the term s²⁷/27, the first left out, is below 2^-70 of the
/// sum. Only s, s² and s³/3 need more than double precision: what follows them
/// is smaller by 2^-12.
@inlinable @inline(__always)
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

/// The natural logarithm of a positive finite number, within 2 ULP.
///
/// With f = m - 1, s = f / (2 + f) and z = s², from ln m = 2 artanh s:
///
///     ln m = f - f²/2 + s (f²/2 + 2 z/3 + 2 z²/5 + ...)
///
/// so that f, which is exact, is all of the result but for a small correction. Terms from
/// z¹² on are below 2^-60 of it. A third of the work of `logarithm`.
@inlinable @inline(__always)
public func roundedLogarithm(_ x: DoubleDouble) -> Double {
  let (m, k) = significandAndExponent(x.high)
  let f = m - 1
  let s = f / (2 + f)
  let z = s * s
  let zz = z * z
  let odd =
    2.0 / 3 + zz
    * (2.0 / 7 + zz * (2.0 / 11 + zz * (2.0 / 15 + zz * (2.0 / 19 + zz * (2.0 / 23)))))
  let even = 2.0 / 5 + zz * (2.0 / 9 + zz * (2.0 / 13 + zz * (2.0 / 17 + zz * (2.0 / 21))))
  let halfSquare = 0.5 * f * f
  // ln(h + l) = ln h + l / h for the small l.
  let low = k * naturalLogarithmOf2.low + x.low / x.high
  let correction = s * (halfSquare + (z * odd + zz * even)) + low
  return k * naturalLogarithmOf2.high - ((halfSquare - correction) - f)
}

/// x = 2^exponent · significand with a significand in [√½, √2).
@inlinable @inline(__always)
func significandAndExponent(_ x: Double) -> (significand: Double, exponent: Double) {
  let isSubnormal = x < Double.leastNormalMagnitude
  let bits = Int64(bitPattern: (isSubnormal ? x * 0x1p54 : x).bitPattern)
  let bitsOfRootOfHalf = Int64(bitPattern: 0x1.6a09e667f3bcdp-1.bitPattern)
  let exponent = (bits &- bitsOfRootOfHalf) &>> 52
  let significand = Double(bitPattern: UInt64(bitPattern: bits &- (exponent &<< 52)))
  // The conversion of a small whole number, which vectorises at every level.
  let shifter = 0x1.8p52
  let shifted = Double(bitPattern: UInt64(bitPattern: exponent) &+ shifter.bitPattern)
  return (significand, (shifted - shifter) - (isSubnormal ? 54 : 0))
}
