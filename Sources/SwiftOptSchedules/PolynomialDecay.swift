import SwiftOptMath

/// The `power`-th power of a line from `initial` to `final`; linear for power 1.
///
///     final + (initial - final) · (1 - n / total)^power    for n < total, then final
///
/// Operands: initial, final, total, power. Source: L.-C. Chen et al., "DeepLab",
/// IEEE TPAMI 40 (2018), 4.3 (the "poly" policy).
struct PolynomialDecay: ClosedForm {
  private let initial: Double
  private let final: Double
  private let total: Double
  private let exponent: Double

  static func operandCount(_: Operands) -> Int { 4 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[2] > 0, at: 2, mustBe: "a total greater than 0")
    try operands.require(operands[3] > 0, at: 3, mustBe: "a power greater than 0")
  }

  init(_ operands: Operands) {
    (initial, final) = (operands[0], operands[1])
    (total, exponent) = (operands[2], operands[3])
  }

  func evaluate(_ block: Block) {
    let total = total
    block.setShares { remainingShare(of: total, at: $0) }
    block.raiseShares(to: exponent)
    block.interpolate(from: initial, to: final, total: total)
  }
}
