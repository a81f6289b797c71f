import CSwiftOpt

/// Lion: every element moves by lr, in the direction of an interpolated momentum.
///
/// Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2, with
/// decoupled weight decay:
///
///     p ← p − lr · (sign(β₁ · m + (1 − β₁) · g) + weight_decay · p)
///     m ← β₂ · m + (1 − β₂) · g
public enum Lion: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var lr, beta1, oneMinusBeta1, beta2, oneMinusBeta2: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("lion", lr: 1e-4, decay: .decoupled)
    description.averagingFactor("beta1", 0.9)
    description.averagingFactor("beta2", 0.99)
    description.slot("exp_avg")
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let beta1 = step.hyperparameter(0)
    let beta2 = step.hyperparameter(1)
    return Coefficients(
      lr: step.lr,
      beta1: beta1,
      oneMinusBeta1: 1 - beta1,
      beta2: beta2,
      oneMinusBeta2: 1 - beta2)
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let expAvg = slots[0] else { return }
    runner.run(Rule(coefficients), OneSlot(expAvg))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = OneSlot<Scalar>
    @usableFromInline let lr, beta1, oneMinusBeta1, beta2, oneMinusBeta2: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      lr = Scalar(coefficients.lr)
      beta1 = Scalar(coefficients.beta1)
      oneMinusBeta1 = Scalar(coefficients.oneMinusBeta1)
      beta2 = Scalar(coefficients.beta2)
      oneMinusBeta2 = Scalar(coefficients.oneMinusBeta2)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots expAvg: inout Scalar) -> Scalar
    {
      let direction = beta1 * expAvg + oneMinusBeta1 * gradient
      expAvg = beta2 * expAvg + oneMinusBeta2 * gradient
      // Neither above nor below 0: it is 0 or not a number, and both are the answer.
      return direction > 0 ? lr : (direction < 0 ? -lr : direction)
    }
  }
}
