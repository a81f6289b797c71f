/// x / (1 + e^-x), also called swish (Elfwing, Uchibe & Doya 2018, "Sigmoid-weighted linear
/// units").
public enum SiLU: Activation {
  @inlinable @inline(__always)
  public static var savesOutput: Bool { false }

  /// Within 3.1 ULP where e^x is a normal number.
  @inlinable @inline(__always)
  public static func forward<Number: ElementaryNumber>(_ x: Number) -> Number {
    // Bounded, so that infinity times the power 0 is none.
    let negative = x.magnitude > 1000 ? -1000 : -x.magnitude
    let power = Number.exponential(ofNegative: negative)
    return (x < 0 ? negative * power : x) / (1 + power)
  }

  /// s (1 + x (1 - s)) with s = sigmoid(x), within 2 ULP of 1.
  @inlinable @inline(__always)
  public static func derivative<Number: ElementaryNumber>(_ x: Number) -> Number {
    let both = Sigmoid.withComplement(x)
    let bounded = x < -1000 ? -1000 : (x > 1000 ? 1000 : x)
    return both.sigmoid * (1 + bounded * both.complement)
  }
}
