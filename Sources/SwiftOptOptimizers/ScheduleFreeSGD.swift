import CSwiftOpt

/// Schedule-Free gradient descent: no learning rate schedule that needs an end.
///
/// Defazio et al. 2024, "The road less scheduled", equations 1-3: see `ScheduleFree`, with
/// `momentum` for β and the direction g + weight_decay · y.
public enum ScheduleFreeSGD: Optimizer {
  public typealias Coefficients = ScheduleFreeCoefficients

  public static func describe(_ description: inout Description) {
    description.name("schedulefreesgd", lr: 1, decay: .own)
    description.hyperparameter(
      "momentum", 0.9, minimum: ScheduleFree.leastInterpolation, maximum: 1, isOpen: true)
    ScheduleFree.describe(&description)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    ScheduleFree.coefficients(for: step, interpolation: step.hyperparameter(0))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let z = slots[0] else { return }
    runner.run(Rule(coefficients), OneSlot(z))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = OneSlot<Scalar>
    @usableFromInline let iterates: ScheduleFreeIterates<Scalar>

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      iterates = ScheduleFreeIterates(coefficients)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter y: Scalar, slots z: inout Scalar) -> Scalar {
      iterates.step(direction: gradient, y: y, z: &z)
    }
  }
}
