/// Whole numbers of doubles, without the conversions that trap on NaN or out of
/// range and without libm's rounding functions.
///
/// From 2^52 on every double is whole, and adding 2^52 to a smaller one rounds it
/// to a whole number, which is then in the low bits of the sum.
private let shifter = 0x1p52

/// `x` as an integer if it is a whole number in 0 ... limit, with limit < 2^52.
@inline(__always)
func wholeNumber(_ x: Double, upTo limit: Int) -> Int? {
  guard x >= 0, x <= Double(limit) else { return nil }
  let shifted = x + shifter
  guard shifted - shifter == x else { return nil }
  return Int(truncatingIfNeeded: shifted.bitPattern &- shifter.bitPattern)
}

/// The greatest whole number <= x, for x >= 0.
@inline(__always)
func wholePart(_ x: Double) -> Double {
  if x >= shifter { return x }
  let nearest = (x + shifter) - shifter
  return nearest > x ? nearest - 1 : nearest
}
