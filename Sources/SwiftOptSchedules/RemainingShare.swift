import SwiftOptMath

/// (total - step) / total for 0 <= step < total, to about 106 bits.
///
/// The rounding of a double's division, half an ULP here, would be `power` times as
/// large in a power of the share.
func remainingShare(of total: Double, at step: Double) -> DoubleDouble {
  let remaining = DoubleDouble.exactSum(total, -step)
  let share = remaining.high / total
  // Elsewhere the products below leave the range of doubles.
  guard total > 0x1p-900, total < 0x1p900 else { return DoubleDouble(high: share, low: 0) }
  let back = DoubleDouble.exactProduct(share, total)
  let error = ((remaining.high - back.high) - back.low) + remaining.low
  return DoubleDouble(high: share, low: error / total)
}
