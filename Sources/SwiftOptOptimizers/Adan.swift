import CSwiftOpt

/// Adan: Nesterov's momentum in a form that needs the gradient at the parameter only.
///
/// Xie et al. 2022, "Adan: Adaptive Nesterov momentum algorithm for faster optimizing deep
/// models", algorithm 1. The paper's βᵢ are 1 − βᵢ here, as in its authors' own code, which
/// also starts the averages at 0 and corrects them for it. With d the difference to the
/// gradient before, 0 at the first update:
///
///     m ← β₁ · m + (1 − β₁) · g
///     v ← β₂ · v + (1 − β₂) · d
///     n ← β₃ · n + (1 − β₃) · (g + β₂ · d)²
///     s = lr · (m / (1 − β₁ᵗ) + β₂ · v / (1 − β₂ᵗ)) / (√(n / (1 − β₃ᵗ)) + eps)
///     p ← (p − s) / (1 + lr · weight_decay)
///
/// That decay is the proximal step for an L2 term. `no_prox` is AdamW's decay in its place:
/// p ← p − s − lr · weight_decay · p.
public enum Adan: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var beta1, oneMinusBeta1, beta2, beta3, oneMinusBeta3: Double
    /// What v takes from the difference and what n's gradient does; 0 at the first update.
    @usableFromInline var differenceShare, lookAhead: Double
    /// The step's share of m and of v.
    @usableFromInline var stepSize, differenceStepSize: Double
    @usableFromInline var rootCorrection, eps: Double
    /// The step's share of the parameter.
    @usableFromInline var decay: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("adan", lr: 1e-3, decay: .own)
    description.averagingFactor("beta1", 0.98)
    description.averagingFactor("beta2", 0.92)
    description.averagingFactor("beta3", 0.99)
    description.hyperparameter("eps", 1e-8)
    description.flag("no_prox")
    description.slot("exp_avg")
    description.slot("exp_avg_diff")
    description.slot("exp_avg_sq", .nonnegative)
    description.slot("previous_gradient")
    description.scalar("beta1_product", startsAt: 1)
    description.scalar("beta2_product", startsAt: 1)
    description.scalar("beta3_product", startsAt: 1)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let beta1 = step.hyperparameter(0)
    let beta2 = step.hyperparameter(1)
    let beta3 = step.hyperparameter(2)
    let hasPrevious: Double = step.number == 1 ? 0 : 1
    // p − (p − s) / (1 + a) = (s + a · p) / (1 + a): one sum, so p is rounded once.
    let decay = step.lr * step.weightDecay
    let shrinkage = step.flag(4) ? 1 : 1 / (1 + decay)
    let stepSize = step.lr * shrinkage
    return Coefficients(
      beta1: beta1,
      oneMinusBeta1: 1 - beta1,
      beta2: beta2,
      beta3: beta3,
      oneMinusBeta3: 1 - beta3,
      differenceShare: hasPrevious * (1 - beta2),
      lookAhead: hasPrevious * beta2,
      stepSize: stepSize / (1 - step.multiplyScalar(1, by: beta1)),
      differenceStepSize: stepSize * beta2 / (1 - step.multiplyScalar(2, by: beta2)),
      rootCorrection: 1 / (1 - step.multiplyScalar(3, by: beta3)).squareRoot(),
      eps: step.hyperparameter(3),
      decay: decay * shrinkage)
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let expAvg = slots[0], let expAvgDiff = slots[1], let expAvgSq = slots[2],
      let previousGradient = slots[3]
    else { return }
    runner.run(
      Rule(coefficients), FourSlots(expAvg, expAvgDiff, expAvgSq, previousGradient))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = FourSlots<Scalar>
    @usableFromInline let beta1, oneMinusBeta1, beta2, beta3, oneMinusBeta3: Scalar
    @usableFromInline let differenceShare, lookAhead, stepSize, differenceStepSize: Scalar
    @usableFromInline let rootCorrection, eps, decay: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      beta1 = Scalar(coefficients.beta1)
      oneMinusBeta1 = Scalar(coefficients.oneMinusBeta1)
      beta2 = Scalar(coefficients.beta2)
      beta3 = Scalar(coefficients.beta3)
      oneMinusBeta3 = Scalar(coefficients.oneMinusBeta3)
      differenceShare = Scalar(coefficients.differenceShare)
      lookAhead = Scalar(coefficients.lookAhead)
      stepSize = Scalar(coefficients.stepSize)
      differenceStepSize = Scalar(coefficients.differenceStepSize)
      rootCorrection = Scalar(coefficients.rootCorrection)
      eps = Scalar(coefficients.eps)
      decay = Scalar(coefficients.decay)
    }

    @inlinable @inline(__always)
    public func update(
      gradient: Scalar, parameter: Scalar, slots: inout (Scalar, Scalar, Scalar, Scalar)
    ) -> Scalar {
      let difference = gradient - slots.3
      let ahead = gradient + lookAhead * difference
      let expAvg = beta1 * slots.0 + oneMinusBeta1 * gradient
      let expAvgDiff = beta2 * slots.1 + differenceShare * difference
      let expAvgSq = beta3 * slots.2 + oneMinusBeta3 * (ahead * ahead)
      slots = (expAvg, expAvgDiff, expAvgSq, gradient)
      let step = ratio(
        stepSize * expAvg + differenceStepSize * expAvgDiff,
        expAvgSq.squareRoot() * rootCorrection + eps)
      // Nothing of an infinite parameter is not 0 · ∞.
      return decay == 0 ? step : step + decay * parameter
    }
  }
}
