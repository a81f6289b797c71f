import SwiftOptMath

/// Up and down in lines between `low` and `high`, again and again, less high each time.
///
///     low + (high - low) · w · decay^cycle · gamma^n
///
/// where w rises from 0 to 1 in `rise` steps and falls back to 0 in `fall` steps.
///
/// Operands: low, high, rise, fall, decay, gamma. Source: L. N. Smith, "Cyclical
/// Learning Rates for Training Neural Networks", WACV 2017, 3.1 (triangular; decay ½:
/// triangular2; gamma below 1: exp_range).
struct TriangularCycle: ClosedForm {
  private let low: Double
  private let high: Double
  private let rise: Double
  private let fall: Double
  private let decay: Double
  private let gamma: Double

  static func operandCount(_: Operands) -> Int { 6 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[2] > 0, at: 2, mustBe: "a rise greater than 0")
    try operands.require(operands[3] > 0, at: 3, mustBe: "a fall greater than 0")
    try operands.require(
      operands[4] >= 0 && operands[4] <= 1, at: 4, mustBe: "a decay from 0 to 1")
    try operands.require(
      operands[5] >= 0 && operands[5] <= 1, at: 5, mustBe: "a gamma from 0 to 1")
  }

  init(_ operands: Operands) {
    (low, high, rise, fall) = (operands[0], operands[1], operands[2], operands[3])
    (decay, gamma) = (operands[4], operands[5])
  }

  func evaluate(_ block: Block) {
    setWeights(block)
    if decay != 1 { scale(block, by: PowerOfBase(decay), to: UnsafePointer(block.high)) }
    if gamma != 1 { scale(block, by: PowerOfBase(gamma), to: block.steps) }
    let (low, high) = (low, high)
    var index = 0
    while index < block.count {
      block.values[index] = interpolate(from: low, to: high, fraction: block.values[index])
      index &+= 1
    }
  }

  /// Heights of the first triangle, and in `block.high` the cycles before.
  @inline(__always)
  private func setWeights(_ block: Block) {
    let length = rise + fall
    var index = 0
    while index < block.count {
      let cycle = EqualCycle(at: block.steps[index], length: length)
      let position = cycle.position.high
      let remaining = DoubleDouble.exactSum(length, -position)
      let down = (remaining.high + (remaining.low - cycle.position.low)) / fall
      let notBelow = down > 0 ? down : 0
      let up = position / rise
      block.values[index] = position < rise ? up : notBelow
      block.high[index] = cycle.index
      index &+= 1
    }
  }

  @inline(__always)
  private func scale(_ block: Block, by base: PowerOfBase, to exponents: UnsafePointer<Double>) {
    var index = 0
    while index < block.count {
      block.values[index] *= base.raised(to: exponents[index])
      index &+= 1
    }
  }
}
