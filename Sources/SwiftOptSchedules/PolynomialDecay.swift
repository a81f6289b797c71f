import SwiftOptMath

/// The `power`-th power of a line from `initial` to `final`; linear for power 1.
///
///     final + (initial - final) · (1 - n / total)^power    for n < total, then final
///
/// Operands: initial, final, total, power. Source: L.-C. Chen et al., "DeepLab",
/// IEEE TPAMI 40 (2018), 4.3 (the "poly" policy).
enum PolynomialDecay: ClosedForm {
  static func operandCount(_: Operands) -> Int { 4 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[2] > 0, at: 2, mustBe: "a total greater than 0")
    try operands.require(operands[3] > 0, at: 3, mustBe: "a power greater than 0")
  }

  static func value(_ operands: Operands, at step: Double) -> Double {
    let (initial, final, total, exponent) = (operands[0], operands[1], operands[2], operands[3])
    if step >= total { return final }
    // (s + e)^p = s^p (1 + p e / s) for the small e that s = 1 - n / total lacks.
    let share = remainingShare(of: total, at: step)
    let main = power(share.high, exponent)
    let fraction = main + main * (exponent * (share.low / share.high))
    return interpolate(from: final, to: initial, fraction: fraction)
  }
}
