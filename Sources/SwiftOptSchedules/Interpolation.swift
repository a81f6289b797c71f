/// The value at `fraction` of the way from `start` to `end`: exactly `start` at 0,
/// exactly `end` at 1, and never outside of the two.
///
/// A weighted sum rather than `start + (end - start) * fraction`, which misses
/// `end` by a rounding and overflows for large ends of opposite sign.
@inline(__always)
func interpolate(from start: Double, to end: Double, fraction: Double) -> Double {
  let value = start * (1 - fraction) + end * fraction
  // Rounding may carry the sum one ULP beyond an end. Comparisons, because they
  // vectorise where Swift's max and min don't.
  let greatest = start > end ? start : end
  let least = start > end ? end : start
  let notAbove = value > greatest ? greatest : value
  return notAbove < least ? least : notAbove
}
