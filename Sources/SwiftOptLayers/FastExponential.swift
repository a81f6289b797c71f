import SwiftOptMath

extension Float {
  /// For softmax, where x is at most 0 and what is next to nothing beside the greatest may be
  /// nothing: two thirds of the instructions of `exponential`.
  ///
  /// With k the whole number nearest to x / ln 2 and r = x - k ln 2, |r| < 0.347, it is
  /// 2^k (1 + r + r² q(r)) with a q that keeps the error, relative to the result, below 2^-28
  /// (the least greatest one, by iterated weighted least squares).
  @inline(__always)
  static func fastExponential(_ x: Float) -> Float {
    // Adding 1.5 · 2^23 rounds to a whole number, which is then the sum's low bits.
    let shifter: Float = 0x1.8p23
    let shifted = x * 1.44269504 + shifter
    let k = shifted - shifter
    // ln 2 in two parts, the first of 15 bits: its product with k is exact.
    let r = (x - k * 0x1.62e4p-1) - k * 1.42860677e-06
    let square = r * r
    let even: Float = 0.49999994 + square * (0.04166839 + square * 0.001381454)
    let odd: Float = 0.16666521 + square * 0.008368745
    let significand = 1 + (r + square * (even + r * odd))
    // k goes where the exponent is.
    let bits = significand.bitPattern &+ shifted.bitPattern &<< 23
    let power = Float(bitPattern: bits)
    // The bits of what is not a number may have become one's.
    return x < -86.6 ? 0 : (x <= 88 ? power : x * .infinity)
  }
}

extension Double {
  @inline(__always)
  static func fastExponential(_ x: Double) -> Double { exponential(x) }
}
