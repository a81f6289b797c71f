/// (e^x - e^-x) / (e^x + e^-x), within 2.5 ULP.
public enum Tanh: Activation {
  @inlinable @inline(__always)
  public static var savesOutput: Bool { true }

  @inlinable @inline(__always)
  public static func forward<Number: ElementaryNumber>(_ x: Number) -> Number {
    let minus1 = Number.exponentialMinus1(-2 * x.magnitude)
    return Number(signOf: x, magnitudeOf: minus1 / (2 + minus1))
  }

  /// 1 - y²
  @inlinable @inline(__always)
  public static func derivative<Number: ElementaryNumber>(_ y: Number) -> Number {
    (1 - y) * (1 + y)
  }
}
