import CSwiftOpt
import SwiftOptMath

/// NAdam: Adam with Nesterov's momentum, whose share grows over the updates.
///
/// Dozat 2016, "Incorporating Nesterov momentum into Adam", algorithm 2, with the growing
/// momentum that torch has from there:
///
///     μₜ = β₁ · (1 − ½ · 0.96^(t · momentum_decay))
///     m ← β₁ · m + (1 − β₁) · g
///     v ← β₂ · v + (1 − β₂) · g²
///     d = (1 − μₜ) / (1 − μ₁⋯μₜ) · g + μₜ₊₁ / (1 − μ₁⋯μₜ₊₁) · m
///     p ← p − lr · d / (√(v / (1 − β₂ᵗ)) + eps)
public enum NAdam: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var beta1, oneMinusBeta1, beta2, oneMinusBeta2: Double
    /// What g and m count in the step, learning rate and bias correction included.
    @usableFromInline var gradientShare, averageShare: Double
    /// 1 / √(1 − β₂ᵗ), as for Adam.
    @usableFromInline var rootCorrection: Double
    @usableFromInline var eps: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("nadam", lr: 2e-3, decay: .coupled)
    description.averagingFactor("beta1", 0.9)
    description.averagingFactor("beta2", 0.999)
    description.hyperparameter("eps", 1e-8)
    description.hyperparameter("momentum_decay", 4e-3)
    description.slot("exp_avg")
    description.slot("exp_avg_sq", .nonnegative)
    description.scalar("mu_product", startsAt: 1)
    description.scalar("beta2_product", startsAt: 1)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let beta1 = step.hyperparameter(0)
    let beta2 = step.hyperparameter(1)
    func momentum(at number: Double) -> Double {
      beta1 * (1 - 0.5 * power(0.96, number * step.hyperparameter(3)))
    }
    let current = momentum(at: step.number)
    let next = momentum(at: step.number + 1)
    let product = step.multiplyScalar(1, by: current)
    return Coefficients(
      beta1: beta1,
      oneMinusBeta1: 1 - beta1,
      beta2: beta2,
      oneMinusBeta2: 1 - beta2,
      gradientShare: step.lr * (1 - current) / (1 - product),
      averageShare: step.lr * next / (1 - product * next),
      rootCorrection: 1 / (1 - step.multiplyScalar(2, by: beta2)).squareRoot(),
      eps: step.hyperparameter(2))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let expAvg = slots[0], let expAvgSq = slots[1] else { return }
    runner.run(Rule(coefficients), TwoSlots(expAvg, expAvgSq))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let beta1, oneMinusBeta1, beta2, oneMinusBeta2: Scalar
    @usableFromInline let gradientShare, averageShare, rootCorrection, eps: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      beta1 = Scalar(coefficients.beta1)
      oneMinusBeta1 = Scalar(coefficients.oneMinusBeta1)
      beta2 = Scalar(coefficients.beta2)
      oneMinusBeta2 = Scalar(coefficients.oneMinusBeta2)
      gradientShare = Scalar(coefficients.gradientShare)
      averageShare = Scalar(coefficients.averageShare)
      rootCorrection = Scalar(coefficients.rootCorrection)
      eps = Scalar(coefficients.eps)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      let expAvg = beta1 * slots.0 + oneMinusBeta1 * gradient
      let expAvgSq = beta2 * slots.1 + oneMinusBeta2 * (gradient * gradient)
      slots = (expAvg, expAvgSq)
      let direction = gradientShare * gradient + averageShare * expAvg
      return ratio(direction, expAvgSq.squareRoot() * rootCorrection + eps)
    }
  }
}
