import SwiftOptMath

/// A random number with the distribution Beta(alpha, alpha), from two words of random bits.
///
/// Without rejection (Ulrich 1984, "Computer generation of distributions on the m-sphere";
/// Devroye 1986, "Non-uniform random variate generation", section IX.3): with independent
/// uniform u and v, q = u^(1/alpha) and c = cos(2πv),
///
///     ½ + ½ sign(c) √((1 - q) c² / (q + (1 - q) c²))
///
/// u and v are (word + ½) / 2^32, so neither is 0 and c isn't either.
func symmetricBeta(_ alpha: Double, _ first: UInt32, _ second: UInt32) -> Double {
  let u = (Double(first) + 0.5) * 0x1p-32
  let v = (Double(second) + 0.5) * 0x1p-32
  let q = power(u, 1 / alpha)
  let cosine = sineOfTurns(v + 0.25)
  let square = (1 - q) * (cosine * cosine)
  let root = (square / (q + square)).squareRoot()
  return cosine < 0 ? 0.5 - 0.5 * root : 0.5 + 0.5 * root
}
