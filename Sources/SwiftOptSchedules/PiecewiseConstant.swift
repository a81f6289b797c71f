/// One value after another, each from its boundary on.
///
///     value_k, where k = the number of boundaries <= n
///
/// Operands: the number of boundaries b, value_0, then b times boundary, value.
struct PiecewiseConstant: PointwiseForm {
  private let operands: Operands
  private let boundaries: Int

  static func operandCount(_ operands: Operands) -> Int {
    // For a bad count only the count itself: `check` then says what is wrong.
    guard let boundaries = boundaryCount(operands) else { return 1 }
    return 2 &+ 2 &* boundaries
  }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(
      boundaryCount(operands) != nil, at: 0,
      mustBe: "a whole number of boundaries from 0 to 2046")
    let boundaries = boundaryCount(operands) ?? 0
    var previous = 0.0
    var k = 0
    while k < boundaries {
      let boundary = operands[2 &+ 2 &* k]
      try operands.require(
        boundary > previous, at: 2 &+ 2 &* k,
        mustBe: "a boundary greater than 0 and than the one before it")
      previous = boundary
      k &+= 1
    }
  }

  init(_ operands: Operands) {
    self.operands = operands
    boundaries = Self.boundaryCount(operands) ?? 0
  }

  @inline(__always)
  func value(at step: Double) -> Double {
    // The number of boundaries <= step is in low ... high.
    var low = 0
    var high = boundaries
    while low < high {
      let middle = (low &+ high) &>> 1
      if operands[2 &+ 2 &* middle] <= step { low = middle &+ 1 } else { high = middle }
    }
    return operands[1 &+ 2 &* low]
  }

  /// The first operand, nil if no program of the greatest length has so many.
  private static func boundaryCount(_ operands: Operands) -> Int? {
    wholeNumber(operands[0], upTo: 2046)
  }
}
