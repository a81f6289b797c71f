import CSwiftOpt

/// Adamax: Adam with the largest recent gradient in place of the root mean square.
///
/// Kingma & Ba 2015, "Adam: A method for stochastic optimization", algorithm 2, with eps
/// inside the maximum, as in torch:
///
///     m ← β₁ · m + (1 − β₁) · g
///     u ← max(β₂ · u, |g| + eps)
///     p ← p − lr / (1 − β₁ᵗ) · m / u
public enum Adamax: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var beta1, oneMinusBeta1, beta2, stepSize, eps: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("adamax", lr: 2e-3, decay: .coupled)
    description.averagingFactor("beta1", 0.9)
    description.averagingFactor("beta2", 0.999)
    description.hyperparameter("eps", 1e-8)
    description.slot("exp_avg")
    description.slot("exp_inf", .nonnegative)
    description.scalar("beta1_product", startsAt: 1)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let beta1 = step.hyperparameter(0)
    return Coefficients(
      beta1: beta1,
      oneMinusBeta1: 1 - beta1,
      beta2: step.hyperparameter(1),
      stepSize: step.lr / (1 - step.multiplyScalar(1, by: beta1)),
      eps: step.hyperparameter(2))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let expAvg = slots[0], let expInf = slots[1] else { return }
    runner.run(Rule(coefficients), TwoSlots(expAvg, expInf))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let beta1, oneMinusBeta1, beta2, stepSize, eps: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      beta1 = Scalar(coefficients.beta1)
      oneMinusBeta1 = Scalar(coefficients.oneMinusBeta1)
      beta2 = Scalar(coefficients.beta2)
      stepSize = Scalar(coefficients.stepSize)
      eps = Scalar(coefficients.eps)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      let expAvg = beta1 * slots.0 + oneMinusBeta1 * gradient
      let past = beta2 * slots.1
      let present = gradient.magnitude + eps
      // A comparison that is false for a NaN in the gradient would hide it.
      let expInf = present < past ? past : present
      slots = (expAvg, expInf)
      return stepSize * ratio(expAvg, expInf)
    }
  }
}
