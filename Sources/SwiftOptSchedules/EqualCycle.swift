import SwiftOptMath

/// Where a step is in cycles of equal length.
///
/// Cycle q begins at q · length, rounded to a double, so that a length such as 100 / 3
/// has its third border at 100.
struct EqualCycle {
  /// The number of completed cycles.
  let index: Double
  /// Steps since the cycle began, not less than 0, to about 106 bits.
  let position: DoubleDouble

  /// For a length > 0; from 2^52 cycles on the index is not exact.
  @inline(__always)
  init(at step: Double, length: Double) {
    let quotient = step / length
    let estimate = wholePart(quotient < 0x1p500 ? quotient : 0x1p500)
    // The quotient's rounding may carry it across a border, one way or the other.
    let isAbove = estimate * length > step
    let isBelow = (estimate + 1) * length <= step
    index = isAbove ? estimate - 1 : (isBelow ? estimate + 1 : estimate)
    let begin = DoubleDouble.exactProduct(index, length)
    let distance = DoubleDouble.exactSum(step, -begin.high)
    let position = DoubleDouble.exactOrderedSum(distance.high, distance.low - begin.low)
    // Not for cycle 0, where a length beyond 2^996 would have no exact product.
    let isInside = index > 0 && position.high >= 0
    self.position = DoubleDouble(
      high: isInside ? position.high : (index > 0 ? 0 : step), low: isInside ? position.low : 0)
  }
}
