import SwiftOptMath

/// A polynomial decay of the k-decayed share.
///
///     final + (initial - final) · (1 - (n / total)^k)^power    for n < total, then final
///
/// Operands: initial, final, total, power, k. With power 1 and k ½ it is the "1-sqrt"
/// decay of A. Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed
/// Training Durations", NeurIPS 2024, 3.
struct KDecayPolynomial: ClosedForm {
  private let initial: Double
  private let final: Double
  private let total: Double
  private let exponent: Double
  private let k: Double

  static func operandCount(_: Operands) -> Int { 5 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try PolynomialDecay.check(operands)
    try operands.requireK(at: 4)
  }

  init(_ operands: Operands) {
    (initial, final, total) = (operands[0], operands[1], operands[2])
    (exponent, k) = (operands[3], operands[4])
  }

  func evaluate(_ block: Block) {
    block.setRemainingShares(of: total, kDecay: k)
    block.raiseShares(to: exponent)
    block.interpolate(from: initial, to: final, total: total)
  }
}

/// Half a cosine wave over the k-decayed time.
///
///     final + (initial - final) · (1 + cos(π (n / total)^k)) / 2    for n < total, then final
///
/// Operands: initial, final, total, k.
struct KDecayCosine: ClosedForm {
  private let initial: Double
  private let final: Double
  private let total: Double
  private let k: Double

  static func operandCount(_: Operands) -> Int { 4 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try CosineAnnealing.check(operands)
    try operands.requireK(at: 3)
  }

  init(_ operands: Operands) {
    (initial, final) = (operands[0], operands[1])
    (total, k) = (operands[2], operands[3])
  }

  func evaluate(_ block: Block) {
    block.setRemainingShares(of: total, kDecay: k)
    var index = 0
    while index < block.count {
      block.values[index] = halfWave(block.share(index))
      index &+= 1
    }
    block.interpolate(from: initial, to: final, total: total)
  }
}

extension Operands {
  /// Larger ones would leave the range in which products with logarithms are exact.
  fileprivate func requireK(at index: Int) throws(ScheduleFault) {
    try require(
      self[index] > 0 && self[index] <= 1e6, at: index,
      mustBe: "a k_decay greater than 0 and at most 1e6")
  }
}
