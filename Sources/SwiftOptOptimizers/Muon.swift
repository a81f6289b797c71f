import CSwiftOpt

/// Muon: the momentum of a matrix, made orthogonal.
///
/// Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks", with the
/// momentum as an average, as torch has it:
///
///     b ← momentum · b + (1 − momentum) · g
///     d ← b                                      (nesterov: (1 − momentum) · g + momentum · b)
///     p ← p − lr · (adjust · NewtonSchulz(d) + weight_decay · p)
///
/// The rule gives `d`; the engine makes it orthogonal. `adjust` is √max(1, rows/columns), or
/// with `match_rms_adamw` 0.2 · √max(rows, columns) (Liu et al. 2025, "Muon is scalable for
/// LLM training", equation 4), with which an lr that is right for AdamW is right here.
/// Parameters that aren't matrices get AdamW's step, with the same lr and weight decay.
public enum Muon: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var momentum: Double
    /// The direction is `ownGradient · g + ownBuffer · b`.
    @usableFromInline var ownGradient, ownBuffer: Double
    @usableFromInline var adamw: Adam.Coefficients
  }

  public static func describe(_ description: inout Description) {
    description.name("muon", lr: 1e-3, weightDecay: 0.1, decay: .decoupled, kind: .matrix)
    description.averagingFactor("momentum", 0.95)
    description.flag("nesterov", true)
    description.hyperparameter("ns_steps", 5, minimum: 1, maximum: 99)
    description.hyperparameter("eps", 1e-7)
    description.flag("match_rms_adamw")
    description.averagingFactor("adamw_beta1", 0.9)
    description.averagingFactor("adamw_beta2", 0.999)
    description.hyperparameter("adamw_eps", 1e-8)
    description.slot("momentum_buffer", of: .matrices)
    description.slot("exp_avg", of: .others)
    description.slot("exp_avg_sq", .nonnegative, of: .others)
    description.scalar("beta1_product", startsAt: 1)
    description.scalar("beta2_product", startsAt: 1)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let momentum = step.hyperparameter(0)
    let isNesterov = step.flag(1)
    let beta1 = step.hyperparameter(5)
    let beta2 = step.hyperparameter(6)
    let correction1 = 1 - step.multiplyScalar(1, by: beta1)
    let correction2 = 1 - step.multiplyScalar(2, by: beta2)
    return Coefficients(
      momentum: momentum,
      ownGradient: isNesterov ? 1 - momentum : 0,
      ownBuffer: isNesterov ? momentum : 1,
      adamw: Adam.Coefficients(
        beta1: beta1,
        oneMinusBeta1: 1 - beta1,
        beta2: beta2,
        oneMinusBeta2: 1 - beta2,
        stepSize: step.lr / correction1,
        rootCorrection: 1 / correction2.squareRoot(),
        eps: step.hyperparameter(7)))
  }

  /// How often the engine applies the polynomial of Newton and Schulz.
  public static func newtonSchulzSteps(for step: TensorStep) -> Int { Int(step.hyperparameter(2)) }

  /// What the engine adds to the norm that it divides a direction by.
  public static func eps(for step: TensorStep) -> Double { step.hyperparameter(3) }

  /// The factor of the orthogonal direction.
  public static func stepScale(rows: Int, columns: Int, for step: TensorStep) -> Double {
    let (rows, columns) = (Double(rows), Double(columns))
    return step.flag(4)
      ? step.lr * (0.2 * max(rows, columns).squareRoot())
      : step.lr * max(1, rows / columns).squareRoot()
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    if let buffer = slots[0] {
      runner.run(Direction(coefficients), OneSlot(buffer))
    } else if let expAvg = slots[1], let expAvgSq = slots[2] {
      runner.run(Adam.Moments(coefficients.adamw), TwoSlots(expAvg, expAvgSq))
    }
  }

  @frozen
  public struct Direction<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = OneSlot<Scalar>
    @usableFromInline let momentum, oneMinusMomentum, ownGradient, ownBuffer: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      momentum = Scalar(coefficients.momentum)
      oneMinusMomentum = Scalar(1 - coefficients.momentum)
      ownGradient = Scalar(coefficients.ownGradient)
      ownBuffer = Scalar(coefficients.ownBuffer)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots buffer: inout Scalar) -> Scalar
    {
      buffer = momentum * buffer + oneMinusMomentum * gradient
      return ownGradient * gradient + ownBuffer * buffer
    }
  }
}
