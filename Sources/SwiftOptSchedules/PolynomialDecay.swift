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
    let (initial, final, total) = (operands[0], operands[1], operands[2])
    if step >= total { return final }
    // total - n is exact for whole numbers; 1 - n / total would lose the last digits.
    let remaining = (total - step) / total
    return interpolate(from: final, to: initial, fraction: power(remaining, operands[3]))
  }
}
