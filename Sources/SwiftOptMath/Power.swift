/// base^exponent for base >= 0 and exponent >= 0, both finite; 0^0 = 1.
///
/// Within 0.75 ULP, and exact where base^exponent is a double: the logarithm is
/// good to 65 bits, of which the largest result in range (exponent · ln base =
/// 709, 10 bits) leaves 55. Repeated squaring would be exact for small whole
/// exponents only: its error grows with the exponent, to 10⁷ ULP after as many
/// updates. libm's pow gives different bits on different processors.
public func power(_ base: Double, _ exponent: Double) -> Double {
  PowerOfBase(base).raised(to: exponent)
}

/// Powers of one base, whose logarithm is taken once. No branch: loops vectorise.
@frozen
public struct PowerOfBase {
  @usableFromInline let base: Double
  @usableFromInline let logOfBase: DoubleDouble

  @inlinable @inline(__always)
  public init(_ base: Double) {
    self.base = base
    logOfBase = logarithm(base)
  }

  @inlinable @inline(__always)
  public func raised(to exponent: Double) -> Double {
    let estimate = exponent * logOfBase.high
    // A logarithm of a double other than 1 is 2^-53 or more, so exponent < 2^63 where the
    // estimate is used, and its exact product is in range.
    let product = DoubleDouble.exactProduct(exponent, logOfBase.high)
    let power = exponential(
      .exactOrderedSum(product.high, product.low + exponent * logOfBase.low))
    // e^-746 < 2^-1075, half of the least double; e^710 > 2^1024.
    let value = estimate < -746 ? 0 : (estimate > 710 ? Double.infinity : power)
    let ofZero = exponent == 0 ? 1.0 : 0
    return base == 0 ? ofZero : (base == 1 ? 1 : value)
  }
}
