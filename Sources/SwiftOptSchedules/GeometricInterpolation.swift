import SwiftOptMath

/// From `initial` to `final` by the same factor at every update.
///
///     initial · (final / initial)^(n / total)    for n < total, then final
///
/// Operands: initial, final, total; both ends have the same sign and are not 0.
struct GeometricInterpolation: PointwiseForm {
  private let initial: Double
  private let final: Double
  private let total: Double
  private let logOfRatio: DoubleDouble

  static func operandCount(_: Operands) -> Int { 3 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[0] != 0, at: 0, mustBe: "an initial value other than 0")
    try operands.require(
      (operands[1] > 0 && operands[0] > 0) || (operands[1] < 0 && operands[0] < 0), at: 1,
      mustBe: "a final value of the initial one's sign")
    try operands.require(operands[2] > 0, at: 2, mustBe: "a total greater than 0")
  }

  init(_ operands: Operands) {
    (initial, final, total) = (operands[0], operands[1], operands[2])
    logOfRatio = logarithm(final.magnitude) + -logarithm(initial.magnitude)
  }

  @inline(__always)
  func value(at step: Double) -> Double {
    // From the nearer end: the ratio of two doubles may be beyond their range.
    let isFirstHalf = step < 0.5 * total
    let share =
      isFirstHalf
      ? completedShare(of: total, at: step) : -remainingShare(of: total, at: step)
    let value = (isFirstHalf ? initial : final) * exponential(share * logOfRatio)
    let (least, greatest) = initial < final ? (initial, final) : (final, initial)
    let notAbove = value > greatest ? greatest : value
    return step < total ? (notAbove < least ? least : notAbove) : final
  }
}
