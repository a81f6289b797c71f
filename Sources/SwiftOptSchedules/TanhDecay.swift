import SwiftOptMath

/// A hyperbolic tangent between `lower` and `upper`, upside down.
///
///     final + (initial - final) · (1 - tanh(lower + (upper - lower) · n / total)) / 2
///     for n < total, then final
///
/// It begins at `initial` only as nearly as tanh(lower) is -1.
///
/// Operands: initial, final, total, lower, upper. Source: B.-Y. Hsueh, W. Li and
/// I.-C. Wu, "Stochastic Gradient Descent with Hyperbolic-Tangent Decay on
/// Classification", WACV 2019 (arXiv:1806.01593).
struct TanhDecay: PointwiseForm {
  private let initial: Double
  private let final: Double
  private let total: Double
  private let upper: Double
  private let range: DoubleDouble

  static func operandCount(_: Operands) -> Int { 5 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[2] > 0, at: 2, mustBe: "a total greater than 0")
    try operands.require(operands[3].magnitude <= 300, at: 3, mustBe: "a bound from -300 to 300")
    try operands.require(operands[4].magnitude <= 300, at: 4, mustBe: "a bound from -300 to 300")
  }

  init(_ operands: Operands) {
    (initial, final, total) = (operands[0], operands[1], operands[2])
    upper = operands[4]
    range = .exactSum(operands[3], -operands[4])
  }

  @inline(__always)
  func value(at step: Double) -> Double {
    // (1 - tanh x) / 2 = 1 / (1 + e^2x)
    let x = range * remainingShare(of: total, at: step) + DoubleDouble(high: upper, low: 0)
    let weight = 1 / (1 + exponential(DoubleDouble(high: 2 * x.high, low: 2 * x.low)))
    return interpolate(from: final, to: initial, fraction: step < total ? weight : 0)
  }
}
