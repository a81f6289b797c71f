/// e^x for x in [-750, 750], within 0.75 ULP where the result is a normal number;
/// infinity where it is too large for a double.
///
/// There is no branch, so that a loop over it vectorises.
@inlinable @inline(__always)
public func exponential(_ x: DoubleDouble) -> Double {
  let reduced = ReducedExponential(x)
  return reduced.scaled(reduced.significand)
}

/// e^x - 1 for x in [-750, 0], to about 2^-53 of itself or of e^x, whichever is larger.
@inlinable @inline(__always)
public func exponentialMinus1(_ x: DoubleDouble) -> DoubleDouble {
  let reduced = ReducedExponential(x)
  let near = DoubleDouble.exactOrderedSum(
    reduced.rest.high, reduced.rest.low + reduced.beyondLinear)
  let far = DoubleDouble.exactSum(reduced.scaled(reduced.significand), -1)
  return DoubleDouble(
    high: reduced.exponent == 0 ? near.high : far.high,
    low: reduced.exponent == 0 ? near.low : far.low)
}

/// The parts of e^x. With k the whole number nearest to x / ln 2 and r = x - k ln 2,
/// |r| < 0.347:
///
///     e^x = 2^k (1 + r + r²/2! + r³/3! + ...)
///
/// r¹⁵/15!, the first term left out, is below 2^-63.
@usableFromInline
@frozen
struct ReducedExponential {
  @usableFromInline let exponent: Int64
  @usableFromInline let rest: DoubleDouble
  @usableFromInline let beyondLinear: Double

  @inlinable @inline(__always)
  init(_ x: DoubleDouble) {
    // Adding 1.5 · 2^52 rounds to a whole number, which is then the sum's low bits.
    let shifter = 0x1.8p52
    let shifted = x.high * 1.4426950408889634 + shifter
    exponent = Int64(bitPattern: shifted.bitPattern &- shifter.bitPattern)
    let k = shifted - shifter

    let r = DoubleDouble.exactSum(
      x.high - k * naturalLogarithmOf2.high, x.low - k * naturalLogarithmOf2.low)

    let square = r.high * r.high
    let even =
      1.0 / 2 + square
      * (1.0 / 24 + square
        * (1.0 / 720 + square
          * (1.0 / 40_320
            + square
            * (1.0 / 3_628_800 + square * (1.0 / 479_001_600 + square * (1.0 / 87_178_291_200))))))
    let odd =
      1.0 / 6 + square
      * (1.0 / 120 + square
        * (1.0 / 5_040 + square
          * (1.0 / 362_880
            + square * (1.0 / 39_916_800 + square * (1.0 / 6_227_020_800)))))
    beyondLinear = square * (even + r.high * odd)
    rest = r
  }

  /// e^r. 1 + r keeps its rounding error, so the result is rounded once.
  @inlinable @inline(__always)
  var significand: Double {
    let linear = DoubleDouble.exactOrderedSum(1, rest.high)
    return linear.high + (linear.low + (rest.low + beyondLinear))
  }

  /// 2^k times a number, in two steps, because 2^k itself may be out of range where the
  /// result is not.
  @inlinable @inline(__always)
  func scaled(_ number: Double) -> Double {
    let half = exponent &>> 1
    return number * powerOfTwo(half) * powerOfTwo(exponent &- half)
  }
}

/// 2^k for k in [-1022, 1023].
@inlinable @inline(__always)
func powerOfTwo(_ k: Int64) -> Double {
  Double(bitPattern: UInt64(bitPattern: (k &+ 1023) &<< 52))
}
