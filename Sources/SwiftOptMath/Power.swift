/// base^exponent for base >= 0 and exponent >= 0, both finite; 0^0 = 1.
///
/// Within 0.75 ULP, and exact where base^exponent is a double: the logarithm is
/// good to 65 bits, of which the largest result in range (exponent · ln base =
/// 709, 10 bits) leaves 55. Repeated squaring would be exact for small whole
/// exponents only: its error grows with the exponent, to 10⁷ ULP after as many
/// updates. libm's pow gives different bits on different processors.
public func power(_ base: Double, _ exponent: Double) -> Double {
  if exponent == 0 || base == 1 { return 1 }
  if exponent == 1 || base == 0 { return base }
  if exponent == 2 { return base * base }
  if exponent == 0.5 { return base.squareRoot() }

  let log = logarithm(base)
  let estimate = exponent * log.high
  if estimate < -746 { return 0 }  // e^-746 < 2^-1075, half of the least double
  if estimate > 710 { return .infinity }  // e^710 > 2^1024
  // |log| >= 2^-53, so exponent < 2^63 here, and its exact product is in range.
  let product = DoubleDouble.exactProduct(exponent, log.high)
  return exponential(
    .exactOrderedSum(product.high, product.low + exponent * log.low))
}
