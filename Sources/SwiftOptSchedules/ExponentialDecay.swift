import SwiftOptMath

/// A value that is multiplied by `gamma` at every update.
///
///     initial · gamma^n
///
/// Operands: initial, gamma. A gamma above 1 grows, as in a learning-rate range
/// test (L. N. Smith, "Cyclical Learning Rates for Training Neural Networks",
/// WACV 2017, 3.3).
struct ExponentialDecay: PointwiseForm {
  private let initial: Double
  private let gamma: PowerOfBase

  static func operandCount(_: Operands) -> Int { 2 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[1] >= 0, at: 1, mustBe: "a gamma of 0 or more")
  }

  init(_ operands: Operands) {
    (initial, gamma) = (operands[0], PowerOfBase(operands[1]))
  }

  @inline(__always)
  func value(at step: Double) -> Double { initial * gamma.raised(to: step) }
}
