import CSwiftOpt

/// AdEMAMix: Adam with a second momentum that remembers ten thousand steps.
///
/// Pagliardini, Ablin & Grangier 2024, "The AdEMAMix optimizer: Better, faster, older",
/// algorithm 1, with decoupled weight decay:
///
///     m₁ ← β₁ · m₁ + (1 − β₁) · g
///     m₂ ← β₃ · m₂ + (1 − β₃) · g
///     v ← β₂ · v + (1 − β₂) · g²
///     p ← p − lr · ((m₁ / (1 − β₁ᵗ) + α · m₂) / (√(v / (1 − β₂ᵗ)) + eps) + weight_decay · p)
///
/// The slow average is not corrected for its start at 0: it shall fill slowly. The paper
/// warms α and β₃ up besides, which is left to whoever gives them.
public enum AdEMAMix: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var beta1, oneMinusBeta1, beta2, oneMinusBeta2: Double
    @usableFromInline var beta3, oneMinusBeta3: Double
    /// The step's share of the fast average and of the slow one.
    @usableFromInline var fastStepSize, slowStepSize: Double
    /// 1 / √(1 − β₂ᵗ): corrects √v, so that no division per element is needed.
    @usableFromInline var rootCorrection: Double
    @usableFromInline var eps: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("ademamix", lr: 1e-3, weightDecay: 1e-2, decay: .decoupled)
    description.averagingFactor("beta1", 0.9)
    description.averagingFactor("beta2", 0.999)
    description.averagingFactor("beta3", 0.9999)
    description.hyperparameter("alpha", 5)
    description.hyperparameter("eps", 1e-8)
    description.slot("exp_avg")
    description.slot("exp_avg_slow")
    description.slot("exp_avg_sq", .nonnegative)
    description.scalar("beta1_product", startsAt: 1)
    description.scalar("beta2_product", startsAt: 1)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let beta1 = step.hyperparameter(0)
    let beta2 = step.hyperparameter(1)
    let beta3 = step.hyperparameter(2)
    return Coefficients(
      beta1: beta1,
      oneMinusBeta1: 1 - beta1,
      beta2: beta2,
      oneMinusBeta2: 1 - beta2,
      beta3: beta3,
      oneMinusBeta3: 1 - beta3,
      fastStepSize: step.lr / (1 - step.multiplyScalar(1, by: beta1)),
      slowStepSize: step.lr * step.hyperparameter(3),
      rootCorrection: 1 / (1 - step.multiplyScalar(2, by: beta2)).squareRoot(),
      eps: step.hyperparameter(4))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let expAvg = slots[0], let expAvgSlow = slots[1], let expAvgSq = slots[2]
    else { return }
    runner.run(Rule(coefficients), ThreeSlots(expAvg, expAvgSlow, expAvgSq))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = ThreeSlots<Scalar>
    @usableFromInline let beta1, oneMinusBeta1, beta2, oneMinusBeta2: Scalar
    @usableFromInline let beta3, oneMinusBeta3: Scalar
    @usableFromInline let fastStepSize, slowStepSize, rootCorrection, eps: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      beta1 = Scalar(coefficients.beta1)
      oneMinusBeta1 = Scalar(coefficients.oneMinusBeta1)
      beta2 = Scalar(coefficients.beta2)
      oneMinusBeta2 = Scalar(coefficients.oneMinusBeta2)
      beta3 = Scalar(coefficients.beta3)
      oneMinusBeta3 = Scalar(coefficients.oneMinusBeta3)
      fastStepSize = Scalar(coefficients.fastStepSize)
      slowStepSize = Scalar(coefficients.slowStepSize)
      rootCorrection = Scalar(coefficients.rootCorrection)
      eps = Scalar(coefficients.eps)
    }

    @inlinable @inline(__always)
    public func update(
      gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar, Scalar)
    ) -> Scalar {
      let expAvg = beta1 * slots.0 + oneMinusBeta1 * gradient
      let expAvgSlow = beta3 * slots.1 + oneMinusBeta3 * gradient
      let expAvgSq = beta2 * slots.2 + oneMinusBeta2 * (gradient * gradient)
      slots = (expAvg, expAvgSlow, expAvgSq)
      return ratio(
        fastStepSize * expAvg + slowStepSize * expAvgSlow,
        expAvgSq.squareRoot() * rootCorrection + eps)
    }
  }
}
