import SwiftOptMath

/// A value that is multiplied by `gamma` every `step_size` updates.
///
///     initial · gamma^floor(n / step_size)
///
/// The quotient is a double, which is exact enough for whole numbers below 2^53; a
/// fractional step_size may drop at a step that is a rounding beside the exact one.
///
/// Operands: initial, step_size, gamma. Source: the drop-based schedule of
/// K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, 3.4.
struct StepDecay: PointwiseForm {
  private let initial: Double
  private let stepSize: Double
  private let gamma: PowerOfBase

  static func operandCount(_: Operands) -> Int { 3 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[1] > 0, at: 1, mustBe: "a step_size greater than 0")
    try operands.require(operands[2] >= 0, at: 2, mustBe: "a gamma of 0 or more")
  }

  init(_ operands: Operands) {
    (initial, stepSize, gamma) = (operands[0], operands[1], PowerOfBase(operands[2]))
  }

  @inline(__always)
  func value(at step: Double) -> Double {
    initial * gamma.raised(to: wholePart(step / stepSize))
  }
}
