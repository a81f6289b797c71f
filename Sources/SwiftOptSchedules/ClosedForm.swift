/// A schedule whose value is a formula of the step alone.
///
/// To add one: a file with a conforming enum, its line in `Formula.init(code:)`,
/// its code in swiftopt.h, and its Python constructor.
protocol ClosedForm {
  /// How many operands follow the operator.
  static func operandCount(_ operands: Operands) -> Int

  /// Refuses operands that the formula can't take. They are all there and finite.
  static func check(_ operands: Operands) throws(ScheduleFault)

  /// The value for the update after `step` completed ones, for checked operands
  /// and a finite step >= 0.
  static func value(_ operands: Operands, at step: Double) -> Double
}

/// A registered closed form.
struct Formula {
  let operandCount: (Operands) -> Int
  let check: (Operands) throws(ScheduleFault) -> Void
  let value: (Operands, Double) -> Double

  private init<Form: ClosedForm>(_: Form.Type) {
    operandCount = Form.operandCount
    check = Form.check
    value = Form.value
  }

  /// The registry: codes as in swiftopt.h.
  @inline(__always)
  init?(code: Int) {
    switch code {
    case 1: self.init(Constant.self)
    case 2: self.init(StepDecay.self)
    case 3: self.init(PiecewiseConstant.self)
    case 4: self.init(ExponentialDecay.self)
    case 5: self.init(PolynomialDecay.self)
    case 6: self.init(CosineAnnealing.self)
    case 7: self.init(LinearWarmup.self)
    default: return nil
    }
  }
}
