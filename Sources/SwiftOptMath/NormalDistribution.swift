/// The normal distribution on the negative side, at -|x|.
@frozen
public struct NormalTail<Number: ElementaryNumber> {
  /// |x|, but no more than `normalBound`.
  public let distance: Number
  /// The distribution function Φ(-|x|), within 6 ULP where it is a normal number.
  public let probability: Number
  /// φ(x) = e^(-x²/2) / √(2π), within 2 ULP.
  public let density: Number

  @inlinable @inline(__always)
  public init(_ x: Number) {
    let magnitude = x.magnitude
    let t = magnitude > Number.normalBound ? Number.normalBound : magnitude
    // A rounding error of t² would be one of the exponent: its leading part is exact.
    let leading = Number.leadingHalf(t)
    let rest = (t - leading) * (t + leading)
    let power = Number.exponential(
      ofNegative: leading * leading * -0.5, rest: rest * -0.5)
    distance = t
    probability = power * Number.scaledNormalTail(t)
    density = power * 0.3989422804014327
  }
}
