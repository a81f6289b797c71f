/// A schedule in the prefix form of swiftopt.h, checked once and then evaluated at
/// any number of steps.
///
/// It borrows the caller's numbers: they must stay as they are while it is used.
public struct ScheduleProgram {
  public static let maximumLength = 4096
  /// Operators around a closed form, and it: `a + b` has depth 2.
  public static let maximumDepth = 64

  private let numbers: UnsafePointer<Double>
  private let length: Int

  /// Throws a fault unless `numbers` holds `length` numbers that are exactly one
  /// schedule.
  public init(_ numbers: UnsafePointer<Double>, length: Int) throws(ScheduleFault) {
    self.numbers = numbers
    self.length = length
    let end = try check(at: 0, depth: 1)
    if end < length {
      throw .form(position: end, "the schedule is complete before this number")
    }
  }

  /// The value for the update after `step` completed ones; `step` is finite and >= 0.
  ///
  /// Infinity or NaN where a sum, a product or a growing exponential overflows.
  public func value(at step: Double) -> Double {
    value(of: 0, at: step)
  }

  /// Codes of the operators that join two schedules, as in swiftopt.h.
  private enum Joint {
    static var then: Int { 100 }
    static var add: Int { 101 }
    static var multiply: Int { 102 }
  }

  @inline(__always)
  private func operands(from position: Int) -> Operands {
    Operands(numbers, length: length, from: position)
  }

  /// The operator at `position`, 0 (which is none) if that is no whole number.
  @inline(__always)
  private func code(at position: Int) -> Int {
    wholeNumber(operands(from: position)[0], upTo: 999) ?? 0
  }

  /// Checks the schedule that starts at `position` and returns where it ends.
  private func check(at position: Int, depth: Int) throws(ScheduleFault) -> Int {
    try checkPresence(of: position)
    if depth > Self.maximumDepth {
      throw .form(position: position, "schedules are nested deeper than 64")
    }
    let code = code(at: position)
    let operands = operands(from: position &+ 1)
    if let formula = Formula(code: code) {
      let end = try checkFinite(operands, count: formula.operandCount(operands))
      try formula.check(operands)
      return end
    }
    let first: Int
    switch code {
    case Joint.then:
      first = try checkFinite(operands, count: 1)
      try operands.require(operands[0] >= 0, at: 0, mustBe: "a hand-over step of 0 or more")
    case Joint.add, Joint.multiply:
      first = operands.position
    default:
      throw .number(position: position, mustBe: "the code of an operator")
    }
    let second = try check(at: first, depth: depth &+ 1)
    return try check(at: second, depth: depth &+ 1)
  }

  /// Throws unless `count` operands are there and finite; returns where they end.
  private func checkFinite(_ operands: Operands, count: Int) throws(ScheduleFault) -> Int {
    var index = 0
    while index < count {
      try checkPresence(of: operands.position &+ index)
      try operands.require(operands[index].isFinite, at: index, mustBe: "finite")
      index &+= 1
    }
    return operands.position &+ index
  }

  @inline(__always)
  private func checkPresence(of position: Int) throws(ScheduleFault) {
    if position >= length {
      throw .form(position: position, "the program ends before its schedule is complete")
    }
    if position >= Self.maximumLength {
      throw .form(position: position, "a program has at most 4096 numbers")
    }
  }

  private func value(of position: Int, at step: Double) -> Double {
    let code = code(at: position)
    let operands = operands(from: position &+ 1)
    if let formula = Formula(code: code) {
      return formula.value(operands, step)
    }
    switch code {
    case Joint.then:
      let handOver = operands[0]
      let first = operands.position &+ 1
      return step < handOver
        ? value(of: first, at: step) : value(of: end(of: first), at: step - handOver)
    case Joint.add:
      let first = operands.position
      return value(of: first, at: step) + value(of: end(of: first), at: step)
    case Joint.multiply:
      let first = operands.position
      return value(of: first, at: step) * value(of: end(of: first), at: step)
    default:  // only if the numbers have changed since they were checked
      return .nan
    }
  }

  /// Where the schedule that starts at `position` ends.
  private func end(of position: Int) -> Int {
    var position = position
    var due = 1
    while due > 0, position < length {
      let code = code(at: position)
      let operands = operands(from: position &+ 1)
      if let formula = Formula(code: code) {
        position = operands.position &+ formula.operandCount(operands)
        due &-= 1
      } else {
        position = operands.position &+ (code == Joint.then ? 1 : 0)
        due &+= 1
      }
    }
    return position
  }
}
