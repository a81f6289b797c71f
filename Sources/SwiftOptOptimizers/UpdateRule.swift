/// The element types that rules compute in: `Float` and `Double`.
public protocol RealScalar: BinaryFloatingPoint, BitwiseCopyable {
  init(_ value: Double)
}

extension Float: RealScalar {}
extension Double: RealScalar {}

/// The mathematics of one optimizer for one element.
///
/// A rule is a small value that holds its coefficients in the precision of the
/// computation. It changes the element's state and returns the step; the engine
/// subtracts the step from the parameter. Dtypes, clipping, weight decay, threads
/// and instruction levels are the engine's: a rule knows none of them.
///
/// Everything in a rule is `@inlinable @inline(__always)`: each level compiles it
/// into its own loop, which the compiler then vectorises. Rules use no fused
/// multiply-add and no library function, so every level gives the same bits.
public protocol UpdateRule {
  associatedtype Streams: SlotStreams

  /// Advances `slots` by one `gradient` and returns what to subtract from `parameter`,
  /// which most rules don't look at.
  func update(
    gradient: Streams.Scalar, parameter: Streams.Scalar, slots: inout Streams.Values
  ) -> Streams.Scalar
}

/// `numerator / denominator`, and 0 where the denominator is 0.
///
/// With `eps` = 0 an element that never had a gradient would be 0 / 0; its step
/// is 0. A denominator that is not a number still gives one that isn't.
@inlinable @inline(__always)
func ratio<Scalar: RealScalar>(_ numerator: Scalar, _ denominator: Scalar) -> Scalar {
  denominator == 0 ? 0 : numerator / denominator
}
