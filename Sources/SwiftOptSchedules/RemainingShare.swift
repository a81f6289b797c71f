import SwiftOptMath

/// (total - step) / total for 0 <= step < total, to about 106 bits.
///
/// The rounding of a double's division, half an ULP here, would be `power` times as
/// large in a power of the share.
@inline(__always)
func remainingShare(of total: Double, at step: Double) -> DoubleDouble {
  DoubleDouble.exactSum(total, -step) / DoubleDouble(high: total, low: 0)
}

/// step / total for 0 <= step < total, to about 106 bits.
@inline(__always)
func completedShare(of total: Double, at step: Double) -> DoubleDouble {
  DoubleDouble(high: step, low: 0) / DoubleDouble(high: total, low: 0)
}
