import CSwiftOpt

/// Adam: steps divided by a running root mean square of the gradient.
///
/// Kingma & Ba 2015, "Adam: A method for stochastic optimization", algorithm 1:
///
///     m ← β₁ · m + (1 − β₁) · g
///     v ← β₂ · v + (1 − β₂) · g²
///     p ← p − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + eps)
///
/// `epsilon_hat` is the form at the end of the paper's section 2, with eps outside the
/// bias correction. `amsgrad` (Reddi et al. 2018, algorithm 2) divides by the largest
/// v so far. Weight decay is coupled, as in torch.
public enum Adam: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var beta1, oneMinusBeta1, beta2, oneMinusBeta2: Double
    @usableFromInline var stepSize: Double
    /// 1 / √(1 − β₂ᵗ): corrects √v, so that no division per element is needed.
    @usableFromInline var rootCorrection: Double
    @usableFromInline var eps: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("adam", lr: 1e-3, decay: .coupled)
    describeMoments(&description)
  }

  /// What Adam and AdamW have in common.
  static func describeMoments(_ description: inout Description) {
    description.averagingFactor("beta1", 0.9)
    description.averagingFactor("beta2", 0.999)
    description.hyperparameter("eps", 1e-8)
    description.flag("amsgrad")
    description.flag("epsilon_hat")
    description.slot("exp_avg")
    description.slot("exp_avg_sq", .nonnegative)
    description.slot("max_exp_avg_sq", .nonnegative, requiredBy: 3)
    description.scalar("beta1_product", startsAt: 1)
    description.scalar("beta2_product", startsAt: 1)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let beta1 = step.hyperparameter(0)
    let beta2 = step.hyperparameter(1)
    let correction1 = 1 - step.multiplyScalar(1, by: beta1)
    let rootCorrection2 = (1 - step.multiplyScalar(2, by: beta2)).squareRoot()
    let hasEpsilonHat = step.flag(4)
    return Coefficients(
      beta1: beta1,
      oneMinusBeta1: 1 - beta1,
      beta2: beta2,
      oneMinusBeta2: 1 - beta2,
      stepSize: hasEpsilonHat ? step.lr * rootCorrection2 / correction1 : step.lr / correction1,
      rootCorrection: hasEpsilonHat ? 1 : 1 / rootCorrection2,
      eps: step.hyperparameter(2))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let expAvg = slots[0], let expAvgSq = slots[1] else { return }
    if let maxExpAvgSq = slots[2] {
      runner.run(AMSGrad(coefficients), ThreeSlots(expAvg, expAvgSq, maxExpAvgSq))
    } else {
      runner.run(Moments(coefficients), TwoSlots(expAvg, expAvgSq))
    }
  }

  @frozen
  public struct Moments<Scalar: RealScalar>: UpdateRule {
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
      let expAvgSq = beta2 * slots.1 + oneMinusBeta2 * (gradient * gradient)
      slots = (expAvg, expAvgSq)
      return step(expAvg, expAvgSq)
    }

    @inlinable @inline(__always)
    func step(_ expAvg: Scalar, _ expAvgSq: Scalar) -> Scalar {
      stepSize * ratio(expAvg, expAvgSq.squareRoot() * rootCorrection + eps)
    }
  }

  @frozen
  public struct AMSGrad<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = ThreeSlots<Scalar>
    @usableFromInline let moments: Moments<Scalar>

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      moments = Moments(coefficients)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar, Scalar))
      -> Scalar
    {
      var averages = (slots.0, slots.1)
      _ = moments.update(gradient: gradient, parameter: 0, slots: &averages)
      // A comparison that is false for a NaN in exp_avg_sq would hide it.
      let largest = averages.1 < slots.2 ? slots.2 : averages.1
      slots = (averages.0, averages.1, largest)
      return moments.step(averages.0, largest)
    }
  }
}

/// Adam with decoupled weight decay: `p ← p − lr · weight_decay · p` beside the step.
///
/// Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2; the
/// decay is multiplied by lr, as in torch.
public enum AdamW: Optimizer {
  public typealias Coefficients = Adam.Coefficients

  public static func describe(_ description: inout Description) {
    description.name("adamw", lr: 1e-3, weightDecay: 1e-2, decay: .decoupled)
    Adam.describeMoments(&description)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    Adam.coefficients(for: step)
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    Adam.dispatch(coefficients, slots, runner)
  }
}
