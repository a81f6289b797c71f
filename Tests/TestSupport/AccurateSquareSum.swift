/// The sum of squares as if in twice the precision, to judge others by: the error of each
/// product comes from a fused multiply-add, that of each sum from Knuth's two-sum, and they
/// are summed up on their own (Ogita, Rump & Oishi 2005, "Accurate sum and dot product").
public func accurateSquareSum(_ values: [Double]) -> Double {
  var (sum, errors) = (0.0, 0.0)
  for value in values {
    let square = value * value
    errors += (-square).addingProduct(value, value)
    let next = sum + square
    let part = next - sum
    let lost = sum - (next - part)
    errors += lost + (square - part)
    sum = next
  }
  return sum + errors
}
