import CSwiftOpt

/// Schedule-Free AdamW: no learning rate schedule that needs an end.
///
/// Defazio et al. 2024, "The road less scheduled", algorithm 1: see `ScheduleFree`, with
///
///     v ← β₂ · v + (1 − β₂) · g²
///     d = g / (√(v / (1 − β₂ᵗ)) + eps) + weight_decay · y
///
/// The algorithm has √(1 − β₂ᵗ) in the learning rate, and so in the decay and in the weights
/// of the average too. Its authors' code has left that for Adam's own correction, which is
/// here, because it was unstable on some problems.
public enum ScheduleFreeAdamW: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var iterates: ScheduleFreeCoefficients
    @usableFromInline var beta2, oneMinusBeta2, rootCorrection, eps: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("schedulefreeadamw", lr: 2.5e-3, decay: .own)
    description.hyperparameter(
      "beta1", 0.9, minimum: ScheduleFree.leastInterpolation, maximum: 1, isOpen: true)
    description.averagingFactor("beta2", 0.999)
    description.hyperparameter("eps", 1e-8)
    ScheduleFree.describe(&description)
    description.slot("exp_avg_sq", .nonnegative)
    description.scalar("beta2_product", startsAt: 1)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let beta2 = step.hyperparameter(1)
    return Coefficients(
      iterates: ScheduleFree.coefficients(for: step, interpolation: step.hyperparameter(0)),
      beta2: beta2,
      oneMinusBeta2: 1 - beta2,
      rootCorrection: 1 / (1 - step.multiplyScalar(4, by: beta2)).squareRoot(),
      eps: step.hyperparameter(2))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let z = slots[0], let expAvgSq = slots[1] else { return }
    runner.run(Rule(coefficients), TwoSlots(z, expAvgSq))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let iterates: ScheduleFreeIterates<Scalar>
    @usableFromInline let beta2, oneMinusBeta2, rootCorrection, eps: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      iterates = ScheduleFreeIterates(coefficients.iterates)
      beta2 = Scalar(coefficients.beta2)
      oneMinusBeta2 = Scalar(coefficients.oneMinusBeta2)
      rootCorrection = Scalar(coefficients.rootCorrection)
      eps = Scalar(coefficients.eps)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter y: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      let expAvgSq = beta2 * slots.1 + oneMinusBeta2 * (gradient * gradient)
      slots.1 = expAvgSq
      let direction = ratio(gradient, expAvgSq.squareRoot() * rootCorrection + eps)
      return iterates.step(direction: direction, y: y, z: &slots.0)
    }
  }
}
