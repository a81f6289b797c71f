extension Float: ElementaryNumber {
  @inlinable @inline(__always)
  public static func exponential(_ x: Float) -> Float {
    // e^-104 < 2^-150, half of the least float; e^89 is beyond the greatest.
    let reduced = ReducedFloatExponential(x < -104 ? -104 : (x > 89 ? 89 : x))
    // 2^k itself may be out of range where the result is not.
    let exponent = Int32(bitPattern: reduced.exponentBits)
    let half = exponent &>> 1
    return (1 + reduced.minus1) * powerOfTwo(UInt32(bitPattern: half))
      * powerOfTwo(UInt32(bitPattern: exponent &- half))
  }

  @inlinable @inline(__always)
  public static func exponential(ofNegative x: Float) -> Float {
    // Of -88, k is -127, and 2^k comes out as 0.
    let reduced = ReducedFloatExponential(x < -88 ? -88 : x)
    return (1 + reduced.minus1) * powerOfTwo(reduced.exponentBits)
  }

  @inlinable @inline(__always)
  public static func exponential(ofNegative x: Float, rest: Float) -> Float {
    let reduced = ReducedFloatExponential(x < -87.875 ? -87.875 : x, rest)
    return (1 + reduced.minus1) * powerOfTwo(reduced.exponentBits)
  }

  @inlinable @inline(__always)
  public static func exponentialMinus1(_ x: Float) -> Float {
    let reduced = ReducedFloatExponential(x < -40 ? -40 : x)
    let scale = powerOfTwo(reduced.exponentBits)
    // The first difference is exact, or -1 all the same.
    return (scale - 1) + scale * reduced.minus1
  }

  /// s P(2s - 1) with s = 1 / (1 + t/4) and a polynomial P of degree 9, a Chebyshev
  /// interpolation whose own error is below 2^-26.
  @inlinable @inline(__always)
  public static func scaledNormalTail(_ t: Float) -> Float {
    let s = 1 / (1 + 0.25 * t)
    // 2s - 1 would have twice the error of s where t is small.
    let u = 1 - 0.5 * t * s
    let square = u * u
    let even: Float =
      0.188821285 + square
      * (0.0967841708 + square
        * (0.0151015464 + square * (-0.000880243206 + square * 4.72491299e-05)))
    let odd: Float =
      0.151974149 + square
      * (0.0466308267
        + square * (0.00188135061 + square * (-0.000391720422 + square * 3.13895964e-05)))
    return s * (even + u * odd)
  }

  @inlinable @inline(__always)
  public static var normalBound: Float { 15 }

  @inlinable @inline(__always)
  public static func leadingHalf(_ t: Float) -> Float {
    Float(bitPattern: t.bitPattern & 0xFFFF_F000)
  }

  /// 2^k for k in [-126, 127], and 0 for k = -127; the upper bits of `k` may be anything.
  @inlinable @inline(__always)
  static func powerOfTwo(_ k: UInt32) -> Float {
    Float(bitPattern: (k &<< 23) &+ (127 << 23))
  }
}

/// With k the whole number nearest to x / ln 2 and r = x - k ln 2, |r| < 0.347:
///
///     e^x = 2^k (1 + r + r² (1/2 + r/6 + ...))
///
/// where the last factor is a Chebyshev interpolation, for an error below 2^-26.
@usableFromInline
@frozen
struct ReducedFloatExponential {
  /// Its lower bits, as of a whole number, are those of k.
  @usableFromInline let shifted: Float
  /// e^r - 1
  @usableFromInline let minus1: Float

  @inlinable @inline(__always)
  init(_ x: Float) {
    shifted = Self.shifted(x)
    let k = shifted - Self.shifter
    minus1 = Self.minus1((x - k * Self.upperLogarithmOf2) - k * Self.lowerLogarithmOf2)
  }

  @inlinable @inline(__always)
  init(_ x: Float, _ rest: Float) {
    shifted = Self.shifted(x + rest)
    let k = shifted - Self.shifter
    minus1 = Self.minus1(
      ((x - k * Self.upperLogarithmOf2) + rest) - k * Self.lowerLogarithmOf2)
  }

  /// k in its lower 23 bits.
  @inlinable @inline(__always)
  var exponentBits: UInt32 { shifted.bitPattern &- Self.shifter.bitPattern }

  /// Adding 1.5 · 2^23 rounds to a whole number.
  @inlinable @inline(__always)
  static var shifter: Float { 0x1.8p23 }

  @inlinable @inline(__always)
  static func shifted(_ x: Float) -> Float { x * 1.44269504 + shifter }

  /// ln 2 in two parts, the first of 15 bits: its product with k is exact, and so is the
  /// difference.
  @inlinable @inline(__always)
  static var upperLogarithmOf2: Float { 0x1.62e4p-1 }
  @inlinable @inline(__always)
  static var lowerLogarithmOf2: Float { 1.42860682e-06 }

  @inlinable @inline(__always)
  static func minus1(_ r: Float) -> Float {
    let square = r * r
    let even: Float = 0.5 + square * (0.0416665542 + square * 0.00139262508)
    let odd: Float = 0.166665767 + square * 0.00836323288
    return r + square * (even + r * odd)
  }
}
