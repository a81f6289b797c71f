/// A function of one element that follows a layer, and its derivative.
///
/// The derivative is taken from one saved value: what the function gave where that tells
/// enough, so that its argument need not be kept, else what it got.
public protocol Activation {
  /// Whether `derivative` is taken from the result, not from the argument.
  static var savesOutput: Bool { get }

  static func forward<Number: ElementaryNumber>(_ x: Number) -> Number

  static func derivative<Number: ElementaryNumber>(_ saved: Number) -> Number

  /// The gradient with respect to the argument, from that with respect to the result.
  static func backward<Number: ElementaryNumber>(_ gradient: Number, _ saved: Number) -> Number
}

extension Activation {
  @inlinable @inline(__always)
  public static func backward<Number: ElementaryNumber>(
    _ gradient: Number, _ saved: Number
  ) -> Number {
    gradient * derivative(saved)
  }
}
