import SwiftOptMath

/// The decay with which a running mean is the plain mean of what it has seen.
///
///     0                     for n < start
///     k / (k + 1)           at n = start + k · every, k = 0, 1, ...
///     1                     between these
///
/// With mean = decay · mean + (1 - decay) · x, a decay of 0 copies x and one of 1 leaves
/// the mean alone.
///
/// Operands: start, every. Source: P. Izmailov et al., "Averaging Weights Leads to Wider
/// Optima and Better Generalization", UAI 2018, algorithm 1 (SWA).
struct EqualMean: PointwiseForm {
  private let start: Double
  private let every: Double

  static func operandCount(_: Operands) -> Int { 2 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[0] >= 0, at: 0, mustBe: "a start of 0 or more")
    try operands.require(operands[1] >= 1, at: 1, mustBe: "1 or more")
  }

  init(_ operands: Operands) {
    (start, every) = (operands[0], operands[1])
  }

  @inline(__always)
  func value(at step: Double) -> Double {
    let cycle = EqualCycle(at: step < start ? 0 : step - start, length: every)
    let mean = cycle.index / (cycle.index + 1)
    let afterStart = cycle.position.high < 1 ? mean : 1
    return step < start ? 0 : afterStart
  }
}
