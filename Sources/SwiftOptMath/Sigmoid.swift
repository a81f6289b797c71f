/// 1 / (1 + e^-x), within 2.5 ULP.
public enum Sigmoid: Activation {
  @inlinable @inline(__always)
  public static var savesOutput: Bool { true }

  @inlinable @inline(__always)
  public static func forward<Number: ElementaryNumber>(_ x: Number) -> Number {
    // Of the power that is at most 1, so that small results keep their digits.
    let power = Number.exponential(ofNegative: -x.magnitude)
    return (x < 0 ? power : 1) / (1 + power)
  }

  @inlinable @inline(__always)
  public static func derivative<Number: ElementaryNumber>(_ y: Number) -> Number { y * (1 - y) }

  /// The sigmoid of x and of -x: 1 - sigmoid(x) without a cancellation.
  @inlinable @inline(__always)
  static func withComplement<Number: ElementaryNumber>(
    _ x: Number
  ) -> (sigmoid: Number, complement: Number) {
    let power = Number.exponential(ofNegative: -x.magnitude)
    let reciprocal = 1 / (1 + power)
    let small = power * reciprocal
    return (x < 0 ? small : reciprocal, x < 0 ? reciprocal : small)
  }
}
