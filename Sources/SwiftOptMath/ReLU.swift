/// max(x, 0), exactly (Nair & Hinton 2010).
public enum ReLU: Activation {
  @inlinable @inline(__always)
  public static var savesOutput: Bool { true }

  @inlinable @inline(__always)
  public static func forward<Number: ElementaryNumber>(_ x: Number) -> Number { x < 0 ? 0 : x }

  @inlinable @inline(__always)
  public static func derivative<Number: ElementaryNumber>(_ y: Number) -> Number {
    y <= 0 ? 0 : 1
  }

  /// A choice, so that a gradient that is infinite or no number ends where y is 0.
  @inlinable @inline(__always)
  public static func backward<Number: ElementaryNumber>(
    _ gradient: Number, _ y: Number
  ) -> Number {
    y <= 0 ? 0 : gradient
  }
}
