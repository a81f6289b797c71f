/// x Φ(x), with the normal distribution function Φ (Hendrycks & Gimpel 2016, "Gaussian error
/// linear units").
public enum GELU: Activation {
  @inlinable @inline(__always)
  public static var savesOutput: Bool { false }

  /// max(x, 0) - |x| Φ(-|x|), within 7 ULP where that
  /// is a normal number, also where 1 + erf(x / √2) would be all rounding
  /// error.
  @inlinable @inline(__always)
  public static func forward<Number: ElementaryNumber>(_ x: Number) -> Number {
    let tail = NormalTail(x)
    return (x < 0 ? 0 : x) - tail.distance * tail.probability
  }

  /// Φ(x) + x φ(x), within 2 ULP of 1.
  @inlinable @inline(__always)
  public static func derivative<Number: ElementaryNumber>(_ x: Number) -> Number {
    let tail = NormalTail(x)
    let ofNegative = tail.probability - tail.distance * tail.density
    return x < 0 ? ofNegative : 1 - ofNegative
  }
}
