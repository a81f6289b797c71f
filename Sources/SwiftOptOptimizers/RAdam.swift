import CSwiftOpt

/// RAdam: Adam that divides only once the variance of its divisor is bounded.
///
/// Liu et al. 2020, "On the variance of the adaptive learning rate and beyond",
/// algorithm 2, in torch's form, which waits for ρₜ > 5 (the paper: 4):
///
///     m ← β₁ · m + (1 − β₁) · g
///     v ← β₂ · v + (1 − β₂) · g²
///     ρ∞ = 2 / (1 − β₂) − 1
///     ρₜ = ρ∞ − 2 · t · β₂ᵗ / (1 − β₂ᵗ)
///     r = √((ρₜ − 4) · (ρₜ − 2) · ρ∞ / ((ρ∞ − 4) · (ρ∞ − 2) · ρₜ))
///     p ← p − lr · m / (1 − β₁ᵗ) · r · √(1 − β₂ᵗ) / (√v + eps)    if ρₜ > 5, else
///     p ← p − lr · m / (1 − β₁ᵗ)
public enum RAdam: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var beta1, oneMinusBeta1, beta2, oneMinusBeta2: Double
    @usableFromInline var stepSize, eps: Double
    @usableFromInline var divides: Bool
  }

  public static func describe(_ description: inout Description) {
    description.name("radam", lr: 1e-3, decay: .coupled)
    description.averagingFactor("beta1", 0.9)
    description.averagingFactor("beta2", 0.999)
    description.hyperparameter("eps", 1e-8)
    description.slot("exp_avg")
    description.slot("exp_avg_sq", .nonnegative)
    description.scalar("beta1_product", startsAt: 1)
    description.scalar("beta2_product", startsAt: 1)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let beta1 = step.hyperparameter(0)
    let beta2 = step.hyperparameter(1)
    let product2 = step.multiplyScalar(2, by: beta2)
    let longest = 2 / (1 - beta2) - 1
    let length = longest - 2 * step.number * product2 / (1 - product2)
    let divides = length > 5
    // `length` never exceeds `longest`, so nothing below is a root of a negative number.
    let rectified =
      (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    let correction = divides ? ((1 - product2) * rectified).squareRoot() : 1
    return Coefficients(
      beta1: beta1,
      oneMinusBeta1: 1 - beta1,
      beta2: beta2,
      oneMinusBeta2: 1 - beta2,
      stepSize: step.lr * correction / (1 - step.multiplyScalar(1, by: beta1)),
      eps: step.hyperparameter(2),
      divides: divides)
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let expAvg = slots[0], let expAvgSq = slots[1] else { return }
    let moments = Moments<Runner.Scalar>(coefficients)
    if coefficients.divides {
      runner.run(Divided(moments: moments), TwoSlots(expAvg, expAvgSq))
    } else {
      runner.run(Undivided(moments: moments), TwoSlots(expAvg, expAvgSq))
    }
  }

  @frozen
  public struct Moments<Scalar: RealScalar> {
    @usableFromInline let beta1, oneMinusBeta1, beta2, oneMinusBeta2, stepSize, eps: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      beta1 = Scalar(coefficients.beta1)
      oneMinusBeta1 = Scalar(coefficients.oneMinusBeta1)
      beta2 = Scalar(coefficients.beta2)
      oneMinusBeta2 = Scalar(coefficients.oneMinusBeta2)
      stepSize = Scalar(coefficients.stepSize)
      eps = Scalar(coefficients.eps)
    }

    @inlinable @inline(__always)
    func advance(_ slots: inout (Scalar, Scalar), by gradient: Scalar) {
      slots = (
        beta1 * slots.0 + oneMinusBeta1 * gradient,
        beta2 * slots.1 + oneMinusBeta2 * (gradient * gradient)
      )
    }
  }

  @frozen
  public struct Divided<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let moments: Moments<Scalar>

    @inlinable @inline(__always)
    init(moments: Moments<Scalar>) { self.moments = moments }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      moments.advance(&slots, by: gradient)
      return moments.stepSize * ratio(slots.0, slots.1.squareRoot() + moments.eps)
    }
  }

  @frozen
  public struct Undivided<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let moments: Moments<Scalar>

    @inlinable @inline(__always)
    init(moments: Moments<Scalar>) { self.moments = moments }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      moments.advance(&slots, by: gradient)
      return moments.stepSize * slots.0
    }
  }
}
