import SwiftOptMath

/// Half cosine waves, one after another, each longer than the one before by a factor.
///
///     final + (initial · decay^i - final) · (1 + cos(π (n - b_i) / (period · period_factor^i))) / 2
///
/// in cycle i, which begins at b_i = period · (1 + period_factor + ... + period_factor^(i - 1)),
/// rounded to a double.
///
/// Operands: initial, final, period, period_factor, decay. Source: I. Loshchilov and
/// F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
/// equation 5, with T_0 = period and T_mult = period_factor.
struct CosineRestarts: PointwiseForm {
  private let initial: Double
  private let final: Double
  private let decay: Double
  private let borders: CycleBorders

  /// The cycle of the last step, and the steps that are safely inside of it.
  private var cycle: CycleBorders.Cycle
  private var inside: (from: Double, upTo: Double)
  private var peak: Double

  static func operandCount(_: Operands) -> Int { 5 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[2] > 0, at: 2, mustBe: "a period greater than 0")
    try operands.require(operands[3] >= 1, at: 3, mustBe: "a period_factor of 1 or more")
    try operands.require(operands[4] >= 0, at: 4, mustBe: "a decay of 0 or more")
  }

  init(_ operands: Operands) {
    (initial, final, decay) = (operands[0], operands[1], operands[4])
    borders = CycleBorders(period: operands[2], factor: operands[3])
    cycle = borders.first
    inside = (0, 0)
    peak = initial
  }

  @inline(__always)
  mutating func value(at step: Double) -> Double {
    if step < inside.from || step >= inside.upTo { enterCycle(at: step) }
    let distance = DoubleDouble.exactSum(cycle.end.high, -step)
    let remaining = DoubleDouble.exactOrderedSum(distance.high, distance.low + cycle.end.low)
    let share = remaining / cycle.length
    // A border's rounding may put a step beyond the exact cycle. Not a number: 0.
    let isBeyond = !(share.high > 0)
    let weight = halfWave(share.high < 1 ? share : DoubleDouble(high: 1, low: 0))
    return interpolate(from: final, to: peak, fraction: isBeyond ? 0 : weight)
  }

  @inline(never)
  private mutating func enterCycle(at step: Double) {
    cycle = borders.cycle(at: step)
    // Near the end the borders decide again, so that remembering changes no value; and
    // always where they leave the range of doubles, and are not numbers.
    let isCertain = cycle.begin.high <= step && cycle.end.high > step
    inside = (step, isCertain ? cycle.end.high * (1 - 0x1p-40) : 0)
    peak = decay == 1 ? initial : initial * power(decay, cycle.index)
  }
}
