import CSwiftOpt

/// Adagrad: the gradient divided by the root of the sum of all its squares.
///
/// Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic
/// optimization", figure 1 with a diagonal matrix, in torch's form:
///
///     s ← s + g²                               (s starts at initial_accumulator_value)
///     p ← p − lr / (1 + (t − 1) · lr_decay) · g / (√s + eps)
public enum Adagrad: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var stepSize, eps: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("adagrad", lr: 1e-2, decay: .coupled)
    description.hyperparameter("lr_decay", 0)
    description.hyperparameter("eps", 1e-10)
    description.hyperparameter("initial_accumulator_value", 0)
    description.slot("sum", .nonnegative, startsAt: 2)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    Coefficients(
      stepSize: step.lr / (1 + (step.number - 1) * step.hyperparameter(0)),
      eps: step.hyperparameter(1))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let sum = slots[0] else { return }
    runner.run(Rule(coefficients), OneSlot(sum))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = OneSlot<Scalar>
    @usableFromInline let stepSize, eps: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      stepSize = Scalar(coefficients.stepSize)
      eps = Scalar(coefficients.eps)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots sum: inout Scalar) -> Scalar {
      sum = sum + gradient * gradient
      return stepSize * ratio(gradient, sum.squareRoot() + eps)
    }
  }
}
