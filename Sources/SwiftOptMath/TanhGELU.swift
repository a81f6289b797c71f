/// x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, an approximation of GELU that differs from it by
/// up to 0.0005 (Hendrycks & Gimpel 2016, section 2).
public enum TanhGELU: Activation {
  @inlinable @inline(__always)
  public static var savesOutput: Bool { false }

  @inlinable @inline(__always)
  public static func forward<Number: ElementaryNumber>(_ x: Number) -> Number {
    // (1 + tanh u) / 2 = sigmoid(2u), which doesn't cancel; but the rounding errors of u are
    // multiplied by u.
    let bounded = bounded(x)
    let both = Sigmoid.withComplement(twiceArgument(bounded))
    // Also what is not a number.
    return x <= bounded ? bounded * both.sigmoid : x
  }

  @inlinable @inline(__always)
  public static func derivative<Number: ElementaryNumber>(_ x: Number) -> Number {
    let bounded = bounded(x)
    let both = Sigmoid.withComplement(twiceArgument(bounded))
    let slope = 1.5957691216057308 + 0.21406444881780073 * (bounded * bounded)
    return both.sigmoid * (1 + bounded * slope * both.complement)
  }

  /// Beyond 40 the sigmoid is 0 or 1 in float64 too.
  @inlinable @inline(__always)
  static func bounded<Number: ElementaryNumber>(_ x: Number) -> Number {
    x < -40 ? -40 : (x > 40 ? 40 : x)
  }

  @inlinable @inline(__always)
  static func twiceArgument<Number: ElementaryNumber>(_ x: Number) -> Number {
    x * (1.5957691216057308 + 0.07135481627260025 * (x * x))
  }
}
