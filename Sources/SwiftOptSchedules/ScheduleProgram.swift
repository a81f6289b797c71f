/// A schedule in the prefix form of swiftopt.h, checked once and then evaluated at
/// any number of steps.
///
/// It borrows the caller's numbers: they must stay as they are while it is used.
public struct ScheduleProgram {
  public static let maximumLength = 4096
  /// Operators around a closed form, and it: `a + b` has depth 2.
  public static let maximumDepth = 64

  let numbers: UnsafePointer<Double>
  let length: Int
  private(set) var depth = 0

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

  @inline(__always)
  func operands(from position: Int) -> Operands {
    Operands(numbers, length: length, from: position)
  }

  /// The operator at `position`, 0 (which is none) if that is no whole number.
  @inline(__always)
  func code(at position: Int) -> Int {
    wholeNumber(operands(from: position)[0], upTo: 999) ?? 0
  }

  /// Checks the schedule that starts at `position` and returns where it ends.
  private mutating func check(at position: Int, depth: Int) throws(ScheduleFault) -> Int {
    try checkPresence(of: position)
    if depth > Self.maximumDepth {
      throw .form(position: position, "schedules are nested deeper than 64")
    }
    if depth > self.depth { self.depth = depth }
    let code = code(at: position)
    let operands = operands(from: position &+ 1)
    if let formula = Formula(code: code) {
      let end = try checkFinite(operands, count: formula.operandCount(operands))
      try formula.check(operands)
      return end
    }
    guard let joint = Joint(code: code) else {
      throw .number(position: position, mustBe: "the code of an operator")
    }
    var end = try checkFinite(operands, count: joint.operandCount)
    try joint.check(operands)
    var schedule = 0
    while schedule < joint.scheduleCount {
      end = try check(at: end, depth: depth &+ 1)
      schedule &+= 1
    }
    return end
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
}
