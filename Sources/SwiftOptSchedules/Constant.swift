/// The same value at every step.
///
///     value
struct Constant: PointwiseForm {
  private let constant: Double

  static func operandCount(_: Operands) -> Int { 1 }

  static func check(_: Operands) throws(ScheduleFault) {}

  init(_ operands: Operands) { constant = operands[0] }

  @inline(__always)
  func value(at _: Double) -> Double { constant }
}
