/// e^x for x in [-750, 750], within 0.75 ULP where the result is a normal number;
/// infinity where it is too large for a double.
///
/// With k the whole number nearest to x / ln 2 and r = x - k ln 2, |r| < 0.347:
///
///     e^x = 2^k (1 + r + r²/2! + r³/3! + ...)
///
/// r¹⁵/15!, the first term left out, is below 2^-63. 1 + r keeps its rounding
/// error, so the result is rounded once.
public func exponential(_ x: DoubleDouble) -> Double {
  // Adding 1.5 · 2^52 rounds to a whole number, which is then the sum's low bits.
  let shifter = 0x1.8p52
  let shifted = x.high * 1.4426950408889634 + shifter
  let wholeK = Int64(bitPattern: shifted.bitPattern &- shifter.bitPattern)
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
  let beyondLinear = square * (even + r.high * odd)

  let linear = DoubleDouble.exactOrderedSum(1, r.high)
  let value = linear.high + (linear.low + (r.low + beyondLinear))

  // In two steps, because 2^k itself may be out of range where the result is not.
  let half = wholeK &>> 1
  return value * powerOfTwo(half) * powerOfTwo(wholeK &- half)
}

/// 2^k for k in [-1022, 1023].
@inline(__always)
private func powerOfTwo(_ k: Int64) -> Double {
  Double(bitPattern: UInt64(bitPattern: (k &+ 1023) &<< 52))
}
