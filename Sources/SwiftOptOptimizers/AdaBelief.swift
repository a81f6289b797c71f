import CSwiftOpt

/// AdaBelief: Adam that divides by how far gradients are from what their average foretold.
///
/// Zhuang et al. 2020, "AdaBelief optimizer: Adapting stepsizes by the belief in observed
/// gradients", algorithm 2, with eps in both places that the paper has it:
///
///     m ← β₁ · m + (1 − β₁) · g
///     s ← β₂ · s + (1 − β₂) · (g − m)² + eps
///     p ← p − lr · (m / (1 − β₁ᵗ)) / (√(s / (1 − β₂ᵗ)) + eps)
///
/// The eps in s adds up to eps · (1 − β₂ᵗ) / (1 − β₂), so the root is never below
/// √(eps / (1 − β₂)): eps is to be compared with the square of Adam's. Its default is that of
/// the authors' adabelief-pytorch 0.2; the paper writes 1e-8.
public enum AdaBelief: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var beta1, oneMinusBeta1, beta2, oneMinusBeta2: Double
    /// `rootCorrection` is 1 / √(1 − β₂ᵗ), as for Adam.
    @usableFromInline var stepSize, rootCorrection, eps: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("adabelief", lr: 1e-3, decay: .coupled)
    description.averagingFactor("beta1", 0.9)
    description.averagingFactor("beta2", 0.999)
    description.hyperparameter("eps", 1e-16)
    description.slot("exp_avg")
    description.slot("exp_avg_var", .nonnegative)
    description.scalar("beta1_product", startsAt: 1)
    description.scalar("beta2_product", startsAt: 1)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let beta1 = step.hyperparameter(0)
    let beta2 = step.hyperparameter(1)
    return Coefficients(
      beta1: beta1,
      oneMinusBeta1: 1 - beta1,
      beta2: beta2,
      oneMinusBeta2: 1 - beta2,
      stepSize: step.lr / (1 - step.multiplyScalar(1, by: beta1)),
      rootCorrection: 1 / (1 - step.multiplyScalar(2, by: beta2)).squareRoot(),
      eps: step.hyperparameter(2))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let expAvg = slots[0], let expAvgVar = slots[1] else { return }
    runner.run(Rule(coefficients), TwoSlots(expAvg, expAvgVar))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let beta1, oneMinusBeta1, beta2, oneMinusBeta2: Scalar
    @usableFromInline let stepSize, rootCorrection, eps: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      beta1 = Scalar(coefficients.beta1)
      oneMinusBeta1 = Scalar(coefficients.oneMinusBeta1)
      beta2 = Scalar(coefficients.beta2)
      oneMinusBeta2 = Scalar(coefficients.oneMinusBeta2)
      stepSize = Scalar(coefficients.stepSize)
      rootCorrection = Scalar(coefficients.rootCorrection)
      eps = Scalar(coefficients.eps)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      let expAvg = beta1 * slots.0 + oneMinusBeta1 * gradient
      let surprise = gradient - expAvg
      let expAvgVar = (beta2 * slots.1 + oneMinusBeta2 * (surprise * surprise)) + eps
      slots = (expAvg, expAvgVar)
      return stepSize * ratio(expAvg, expAvgVar.squareRoot() * rootCorrection + eps)
    }
  }
}
