import SwiftOptMath

/// Half a cosine wave from `initial` to `final`.
///
///     final + (initial - final) · (1 + cos(π n / total)) / 2    for n < total, then final
///
/// Operands: initial, final, total. Source: I. Loshchilov and F. Hutter, "SGDR:
/// Stochastic Gradient Descent with Warm Restarts", ICLR 2017, equation 5, for one
/// period.
enum CosineAnnealing: ClosedForm {
  static func operandCount(_: Operands) -> Int { 3 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[2] > 0, at: 2, mustBe: "a total greater than 0")
  }

  static func value(_ operands: Operands, at step: Double) -> Double {
    let (initial, final, total) = (operands[0], operands[1], operands[2])
    if step >= total { return final }
    // (1 + cos(π n / total)) / 2 = sin²(π (total - n) / (2 total)), which keeps all
    // its digits near the end, where 1 + cos cancels.
    let share = remainingShare(of: total, at: step)
    let sine = sineOfPi(DoubleDouble(high: 0.5 * share.high, low: 0.5 * share.low))
    return interpolate(from: final, to: initial, fraction: sine * sine)
  }
}
