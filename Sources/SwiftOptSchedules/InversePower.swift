import SwiftOptMath

/// A power of the inverse of time.
///
///     initial · (timescale / (n + timescale))^power
///
/// Operands: initial, timescale, power. With power ½ it is the inverse square root of
/// A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, equation 3, and with
/// initial -1 what a decay of 1 - (1 + n / timescale)^-power lacks.
struct InversePower: ClosedForm {
  private let initial: Double
  private let timescale: Double
  private let exponent: Double

  static func operandCount(_: Operands) -> Int { 3 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[1] > 0, at: 1, mustBe: "a timescale greater than 0")
    try operands.require(operands[2] > 0, at: 2, mustBe: "a power greater than 0")
  }

  init(_ operands: Operands) {
    (initial, timescale, exponent) = (operands[0], operands[1], operands[2])
  }

  func evaluate(_ block: Block) {
    let timescale = timescale
    block.setShares { DoubleDouble(high: timescale, low: 0) / .exactSum($0, timescale) }
    block.raiseShares(to: exponent)
    var index = 0
    while index < block.count {
      block.values[index] *= initial
      index &+= 1
    }
  }
}
