import CSwiftOpt

/// LARS: momentum, with each tensor's gradient scaled to the norm of its parameter.
///
/// You, Gitman & Ginsburg 2017, "Large batch training of convolutional networks",
/// algorithm 1 with the local rate of equation 6 and eps for safety:
///
///     λ = trust_coefficient · ‖p‖ / (‖g‖ + weight_decay · ‖p‖ + eps)
///     b ← momentum · b + λ · (g + weight_decay · p)
///     p ← p − lr · b                  (λ · (g + weight_decay · p) + momentum · b with nesterov)
///
/// The paper has lr inside the buffer; outside, as in torch's SGD, it is the same while lr
/// stays the same. As in NVIDIA's and timm's implementations λ is 1 where a norm is 0, and in
/// groups without weight decay, where biases and gains are, unless `always_adapt`.
/// `trust_clip` is NVIDIA's LARC: the whole rate is the smaller of λ and lr, not their product.
public enum LARS: Optimizer {
  public typealias Coefficients = SGD.Coefficients

  public static func describe(_ description: inout Description) {
    description.name(
      "lars", lr: 1, weightDecay: 1e-4, decay: .coupled, kind: .trustGradient)
    description.hyperparameter("momentum", 0.9)
    description.flag("nesterov")
    description.hyperparameter("trust_coefficient", 1e-3)
    description.hyperparameter("eps", 1e-8)
    description.flag("trust_clip")
    description.flag("always_adapt")
    description.slot("momentum_buffer", requiredBy: 0)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let momentum = step.hyperparameter(0)
    let isNesterov = step.flag(1)
    return Coefficients(
      lr: step.lr,
      momentum: momentum,
      gradientShare: 1,
      ownGradient: isNesterov ? 1 : 0,
      ownBuffer: isNesterov ? momentum : 1)
  }

  public static func trustRatio(parameterNorm: Double, otherNorm: Double, for step: TensorStep)
    -> Double
  {
    let (trustCoefficient, eps) = (step.hyperparameter(2), step.hyperparameter(3))
    let (trustClip, alwaysAdapt) = (step.flag(4), step.flag(5))
    guard step.weightDecay != 0 || alwaysAdapt, parameterNorm != 0, otherNorm != 0
    else { return 1 }
    let ratio =
      trustCoefficient * parameterNorm / (otherNorm + step.weightDecay * parameterNorm + eps)
    return trustClip ? (ratio < step.lr ? ratio / step.lr : 1) : ratio
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    SGD.dispatch(coefficients, slots, runner)
  }
}
