import CSwiftOpt

/// LAMB: Adam's direction, scaled for each tensor to the norm of its parameter.
///
/// You et al. 2020, "Large batch optimization for deep learning: Training BERT in 76
/// minutes", algorithm 2, with φ the identity:
///
///     m ← β₁ · m + (1 − β₁) · g
///     v ← β₂ · v + (1 − β₂) · g²
///     r = (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + eps) + weight_decay · p
///     p ← p − lr · (‖p‖ / ‖r‖) · r
///
/// As in NVIDIA's and timm's implementations the ratio is 1 where a norm is 0, and in
/// groups without weight decay, where biases and gains are, unless `always_adapt`.
/// `trust_clip` keeps it at 1 or below.
public enum LAMB: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    /// Adam's with lr = 1.
    @usableFromInline var moments: Adam.Coefficients
    @usableFromInline var weightDecay: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("lamb", lr: 1e-3, weightDecay: 1e-2, decay: .own, kind: .trustStep)
    description.averagingFactor("beta1", 0.9)
    description.averagingFactor("beta2", 0.999)
    description.hyperparameter("eps", 1e-6)
    description.flag("trust_clip")
    description.flag("always_adapt")
    description.slot("exp_avg")
    description.slot("exp_avg_sq", .nonnegative)
    description.scalar("beta1_product", startsAt: 1)
    description.scalar("beta2_product", startsAt: 1)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let beta1 = step.hyperparameter(0)
    let beta2 = step.hyperparameter(1)
    return Coefficients(
      moments: Adam.Coefficients(
        beta1: beta1,
        oneMinusBeta1: 1 - beta1,
        beta2: beta2,
        oneMinusBeta2: 1 - beta2,
        stepSize: 1 / (1 - step.multiplyScalar(1, by: beta1)),
        rootCorrection: 1 / (1 - step.multiplyScalar(2, by: beta2)).squareRoot(),
        eps: step.hyperparameter(2)),
      weightDecay: step.weightDecay)
  }

  public static func trustRatio(parameterNorm: Double, otherNorm: Double, for step: TensorStep)
    -> Double
  {
    let (trustClip, alwaysAdapt) = (step.flag(3), step.flag(4))
    guard step.weightDecay != 0 || alwaysAdapt, parameterNorm != 0, otherNorm != 0
    else { return 1 }
    let ratio = parameterNorm / otherNorm
    return trustClip && ratio > 1 ? 1 : ratio
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let expAvg = slots[0], let expAvgSq = slots[1] else { return }
    runner.run(Direction(coefficients), TwoSlots(expAvg, expAvgSq))
  }

  /// Advances m and v and returns r.
  @frozen
  public struct Direction<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let moments: Adam.Moments<Scalar>
    @usableFromInline let weightDecay: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      moments = Adam.Moments(coefficients.moments)
      weightDecay = Scalar(coefficients.weightDecay)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      let step = moments.update(gradient: gradient, parameter: parameter, slots: &slots)
      // Nothing of an infinite parameter is not 0 · ∞.
      return weightDecay == 0 ? step : step + weightDecay * parameter
    }
  }
}
