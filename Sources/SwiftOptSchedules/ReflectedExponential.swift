import SwiftOptMath

/// REX, a line at first that falls ever faster.
///
///     final + (initial - final) · s / (½ + ½ s), s = 1 - n / total    for n < total, then final
///
/// Operands: initial, final, total. Source: J. Chen, C. Wolfe and A. Kyrillidis, "REX:
/// Revisiting Budgeted Training with an Improved Schedule", MLSys 2022
/// (arXiv:2107.04197).
struct ReflectedExponential: PointwiseForm {
  private let initial: Double
  private let final: Double
  private let total: Double

  static func operandCount(_: Operands) -> Int { 3 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[2] > 0, at: 2, mustBe: "a total greater than 0")
  }

  init(_ operands: Operands) {
    (initial, final, total) = (operands[0], operands[1], operands[2])
  }

  @inline(__always)
  func value(at step: Double) -> Double {
    let share = remainingShare(of: total, at: step).high
    let weight = share / (0.5 + 0.5 * share)
    return interpolate(from: final, to: initial, fraction: step < total ? weight : 0)
  }
}
