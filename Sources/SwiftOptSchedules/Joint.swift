/// An operator on one or two schedules; codes as in swiftopt.h.
enum Joint: Int {
  /// Operand: at.
  case then = 100
  case add = 101
  case multiply = 102
  case minimum = 103
  case maximum = 104
  /// Operands: every, times (0 for no end).
  case `repeat` = 105

  @inline(__always)
  init?(code: Int) {
    switch code {
    case 100: self = .then
    case 101: self = .add
    case 102: self = .multiply
    case 103: self = .minimum
    case 104: self = .maximum
    case 105: self = .repeat
    default: return nil
    }
  }

  /// Numbers before the schedules.
  @inline(__always)
  var operandCount: Int {
    switch self {
    case .then: 1
    case .repeat: 2
    default: 0
    }
  }

  @inline(__always)
  var scheduleCount: Int { self == .repeat ? 1 : 2 }

  /// Refuses operands that the operator can't take. They are all there and finite.
  func check(_ operands: Operands) throws(ScheduleFault) {
    switch self {
    case .then:
      try operands.require(operands[0] >= 0, at: 0, mustBe: "a hand-over step of 0 or more")
    case .repeat:
      try operands.require(operands[0] > 0, at: 0, mustBe: "a length greater than 0")
      try operands.require(
        operands[1] >= 0 && wholePart(operands[1]) == operands[1], at: 1,
        mustBe: "a whole number of repetitions, 0 for no end")
    default: break
    }
  }

  /// The value of a joint that evaluates both of its schedules at the same step.
  @inline(__always)
  func join(_ first: Double, _ second: Double) -> Double {
    switch self {
    case .multiply: first * second
    case .minimum: second < first ? second : first
    case .maximum: second > first ? second : first
    default: first + second
    }
  }
}
