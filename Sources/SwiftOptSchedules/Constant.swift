/// The same value at every step.
///
///     value
enum Constant: ClosedForm {
  static func operandCount(_: Operands) -> Int { 1 }

  static func check(_: Operands) throws(ScheduleFault) {}

  static func value(_ operands: Operands, at _: Double) -> Double { operands[0] }
}
