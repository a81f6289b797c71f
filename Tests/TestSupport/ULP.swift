/// How many representable numbers `a` is away from `b`: 0 for the same number (-0 is 0)
/// and for two NaNs, `Int.max` if just one is NaN.
public func ulpDistance(_ a: Double, _ b: Double) -> Int {
  if a.isNaN || b.isNaN { return a.isNaN && b.isNaN ? 0 : .max }
  return distance(rank(Int(a.magnitude.bitPattern), a), rank(Int(b.magnitude.bitPattern), b))
}

/// The same among float32 numbers.
public func ulpDistance(_ a: Float, _ b: Float) -> Int {
  if a.isNaN || b.isNaN { return a.isNaN && b.isNaN ? 0 : .max }
  return distance(
    rank(Int(a.magnitude.bitPattern), Double(a)), rank(Int(b.magnitude.bitPattern), Double(b)))
}

/// The bits of the magnitude count the numbers from 0 on.
private func rank(_ magnitude: Int, _ value: Double) -> Int { value < 0 ? -magnitude : magnitude }

private func distance(_ a: Int, _ b: Int) -> Int {
  let (difference, overflows) = a.subtractingReportingOverflow(b)
  return overflows || difference == .min ? .max : abs(difference)
}
