/// A schedule whose value is a formula of the step alone.
///
/// To add one: a file with a conforming struct, its line in `Formula.init(code:)`,
/// its code in swiftopt.h, and its Python constructor.
protocol ClosedForm {
  /// How many operands follow the operator.
  static func operandCount(_ operands: Operands) -> Int

  /// Refuses operands that the formula can't take. They are all there and finite.
  static func check(_ operands: Operands) throws(ScheduleFault)

  /// Takes what the formula needs of checked operands, once for many steps.
  init(_ operands: Operands)

  /// The values at the steps of a block.
  mutating func evaluate(_ block: Block)
}

/// A form whose values are computed one by one.
protocol PointwiseForm: ClosedForm {
  /// The value for the update after `step` completed ones, for a finite step >= 0.
  ///
  /// A form may remember what the next step is likely to need too, if the value
  /// doesn't depend on it.
  mutating func value(at step: Double) -> Double
}

extension PointwiseForm {
  @inline(__always)
  mutating func evaluate(_ block: Block) {
    var index = 0
    while index < block.count {
      block.values[index] = value(at: block.steps[index])
      index &+= 1
    }
  }
}

/// A registered closed form.
struct Formula {
  let operandCount: (Operands) -> Int
  let check: (Operands) throws(ScheduleFault) -> Void
  let evaluate: (Operands, Block) -> Void

  private init<Form: ClosedForm>(_: Form.Type) {
    operandCount = Form.operandCount
    check = Form.check
    evaluate = { operands, block in
      var form = Form(operands)
      form.evaluate(block)
    }
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
    case 8: self.init(KDecayPolynomial.self)
    case 9: self.init(KDecayCosine.self)
    case 10: self.init(CosineRestarts.self)
    case 11: self.init(TriangularCycle.self)
    case 12: self.init(InversePower.self)
    case 13: self.init(GeometricInterpolation.self)
    case 14: self.init(TanhDecay.self)
    case 15: self.init(ReflectedExponential.self)
    case 16: self.init(EqualMean.self)
    default: return nil
    }
  }
}
