/// An unevaluated sum of two doubles, about 106 significant bits.
///
/// Every operation is plain IEEE 754 arithmetic without a fused multiply-add,
/// so the bits don't depend on the processor.
///
/// Source: T. J. Dekker, "A floating-point technique for extending the
/// available precision", Numerische Mathematik 18 (1971).
@frozen
public struct DoubleDouble {
  public var high: Double
  public var low: Double

  @inlinable @inline(__always)
  public init(high: Double, low: Double) {
    self.high = high
    self.low = low
  }

  /// `a + b` without error, whatever their magnitudes.
  @inlinable @inline(__always)
  public static func exactSum(_ a: Double, _ b: Double) -> DoubleDouble {
    let sum = a + b
    let bShare = sum - a
    return DoubleDouble(high: sum, low: (a - (sum - bShare)) + (b - bShare))
  }

  /// `a + b` without error, for `a` that is zero or not smaller in magnitude than `b`.
  @inlinable @inline(__always)
  public static func exactOrderedSum(_ a: Double, _ b: Double) -> DoubleDouble {
    let sum = a + b
    return DoubleDouble(high: sum, low: b - (sum - a))
  }

  /// `a * b` without error, for factors below 2^996 and a product above 2^-969.
  @inlinable @inline(__always)
  public static func exactProduct(_ a: Double, _ b: Double) -> DoubleDouble {
    let (aTop, aRest) = halves(a)
    let (bTop, bRest) = halves(b)
    let product = a * b
    let error = ((aTop * bTop - product) + aTop * bRest + aRest * bTop) + aRest * bRest
    return DoubleDouble(high: product, low: error)
  }

  /// Two numbers of at most 26 bits whose sum is `a`; products of such halves are exact.
  @inlinable @inline(__always)
  static func halves(_ a: Double) -> (top: Double, rest: Double) {
    let spread = 0x1p27 * a + a
    let top = spread - (spread - a)
    return (top, a - top)
  }

  @inlinable @inline(__always)
  public static func * (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let product = exactProduct(a.high, b.high)
    return exactOrderedSum(product.high, product.low + (a.high * b.low + a.low * b.high))
  }

  @inlinable @inline(__always)
  public static func + (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let sum = exactSum(a.high, b.high)
    return exactOrderedSum(sum.high, sum.low + (a.low + b.low))
  }

  @inlinable @inline(__always)
  public static prefix func - (a: DoubleDouble) -> DoubleDouble {
    DoubleDouble(high: -a.high, low: -a.low)
  }

  /// `a / b`, for a quotient in range and `b` between 2^-900 and 2^900; elsewhere, where
  /// the products of the correction leave the range of doubles, the quotient of doubles.
  @inlinable @inline(__always)
  public static func / (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let quotient = a.high / b.high
    let back = exactProduct(quotient, b.high)
    let error = ((a.high - back.high) - back.low) + (a.low - quotient * b.low)
    let isInRange = b.high > 0x1p-900 && b.high < 0x1p900
    return DoubleDouble(high: quotient, low: isInRange ? error / b.high : 0)
  }
}
