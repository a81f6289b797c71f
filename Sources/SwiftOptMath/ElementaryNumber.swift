/// `Float` and `Double`, with the functions that activations and losses are made of.
///
/// None has a branch, a table, a libm call or a fused operation: loops over them vectorise at
/// every instruction level, and all levels give the same bits. What is not a number gives what
/// is not a number. Errors are in units of the last place of the result (ULP).
public protocol ElementaryNumber: BinaryFloatingPoint {
  /// e^x, within 1.1 ULP, subnormal results too; infinity comes where it is due.
  static func exponential(_ x: Self) -> Self

  /// e^x for x <= 0, within 1.1 ULP; of `Float`, 0 where it is below e^-87.6, about the least
  /// normal number. Two thirds of the work.
  static func exponential(ofNegative x: Self) -> Self

  /// e^(x + rest) for x <= 0 and a rest of less than 1/4.
  static func exponential(ofNegative x: Self, rest: Self) -> Self

  /// e^x - 1 for x <= 0, within 1.5 ULP.
  static func exponentialMinus1(_ x: Self) -> Self

  /// e^(t²/2) Φ(-t) for t in 0 ... `normalBound`, where Φ is the normal distribution function;
  /// within 5 ULP.
  static func scaledNormalTail(_ t: Self) -> Self

  /// Beyond it, t Φ(-t) is 0.
  static var normalBound: Self { get }

  /// The leading half of the digits of a positive number, so that its square is exact.
  static func leadingHalf(_ t: Self) -> Self
}
