import SwiftOptMath

/// Borders of cycles whose lengths are a geometric series.
///
/// With P_i = factor^i and S_i = 1 + factor + ... + factor^(i - 1), cycle i begins at
/// period · S_i and is period · P_i long.
struct CycleBorders {
  struct Cycle {
    var index: Double
    var length: DoubleDouble
    var begin: DoubleDouble
    var end: DoubleDouble
  }

  let period: Double
  let factor: Double

  /// The cycle that begins at 0.
  @inline(__always)
  var first: Cycle {
    let length = DoubleDouble(high: period, low: 0)
    return Cycle(index: 0, length: length, begin: DoubleDouble(high: 0, low: 0), end: length)
  }

  /// The last cycle whose begin, rounded to a double, is not after the step.
  func cycle(at step: Double) -> Cycle {
    if step < period { return first }
    if factor == 1 { return equalCycle(at: step) }
    let estimate = estimatedIndex(at: step)
    let cycle = self.cycle(estimate)
    if cycle.begin.high > step { return self.cycle(estimate &- 1) }
    return cycle.end.high <= step ? self.cycle(estimate &+ 1) : cycle
  }

  /// From S_i = (factor^i - 1) / (factor - 1), within 1: the terms have relative errors of
  /// a few 2^-53, and an index is below 2^50.
  private func estimatedIndex(at step: Double) -> Int {
    let one = DoubleDouble(high: factor, low: 0)
    let index = wholePart(logarithmOfGrowth(at: step) / roundedLogarithm(one))
    return wholeNumber(index, upTo: 1 &<< 50) ?? 1 &<< 50
  }

  /// ln(1 + (step / period) · (factor - 1)), also where the product is too large.
  private func logarithmOfGrowth(at step: Double) -> Double {
    let (periods, excess) = (step / period, factor - 1)
    if periods * excess < 0x1p1000 {
      return roundedLogarithm(.exactSum(1, periods * excess))
    }
    return roundedLogarithm(DoubleDouble(high: periods, low: 0))
      + roundedLogarithm(DoubleDouble(high: excess, low: 0))
  }

  private func cycle(_ index: Int) -> Cycle {
    let (sum, power) = sumAndPower(index)
    return Cycle(
      index: Double(index), length: steps(power), begin: steps(sum),
      end: steps(sumAndPower(index &+ 1).sum))
  }

  /// S_i and P_i by doubling, S_2a = S_a (1 + P_a) and S_(a + 1) = 1 + factor · S_a: as many
  /// operations as the index has bits, without cancellation, and exact for whole numbers
  /// below 2^106.
  private func sumAndPower(_ index: Int) -> (sum: DoubleDouble, power: DoubleDouble) {
    let one = DoubleDouble(high: 1, low: 0)
    let factor = DoubleDouble(high: factor, low: 0)
    guard index > 0 else { return (DoubleDouble(high: 0, low: 0), one) }
    var (sum, power) = (one, factor)
    var bit = 62 &- index.leadingZeroBitCount
    while bit >= 0 {
      sum = sum * (one + power)
      power = power * power
      if (index &>> bit) & 1 == 1 {
        sum = one + factor * sum
        power = power * factor
      }
      bit &-= 1
    }
    return (sum, power)
  }

  /// A multiple of the period, whose high part is the product rounded to a double.
  @inline(__always)
  private func steps(_ multiple: DoubleDouble) -> DoubleDouble {
    let product = DoubleDouble.exactProduct(period, multiple.high)
    return .exactOrderedSum(product.high, product.low + period * multiple.low)
  }

  private func equalCycle(at step: Double) -> Cycle {
    let index = EqualCycle(at: step, length: period).index
    return Cycle(
      index: index, length: DoubleDouble(high: period, low: 0),
      begin: .exactProduct(index, period), end: .exactProduct(index + 1, period))
  }
}
