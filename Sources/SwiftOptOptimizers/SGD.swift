import CSwiftOpt

/// Stochastic gradient descent with momentum, dampening and Nesterov's look-ahead.
///
/// With the momentum buffer `b`, as torch has it:
///
///     b ← momentum · b + (1 − dampening) · g        (b ← g at the first update)
///     p ← p − lr · b                                (g + momentum · b with nesterov)
///
/// Nesterov's variant is equations 3-4 of Sutskever et al. 2013, "On the importance of
/// initialization and momentum in deep learning", shifted to the look-ahead point.
public enum SGD: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var lr: Double
    @usableFromInline var momentum: Double
    @usableFromInline var gradientShare: Double
    /// The step is `lr · (ownGradient · g + ownBuffer · b)`.
    @usableFromInline var ownGradient: Double
    @usableFromInline var ownBuffer: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("sgd", lr: 1e-3, decay: .coupled)
    description.hyperparameter("momentum", 0)
    description.hyperparameter("dampening", 0, maximum: 1)
    description.flag("nesterov")
    description.flag("momentum_start_zero")
    description.slot("momentum_buffer", requiredBy: 0)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let momentum = step.hyperparameter(0)
    // The buffer starts at 0, so torch's "first buffer is the gradient itself" is a
    // matter of the gradient's share alone.
    let startsWithGradient = step.number == 1 && !step.flag(3)
    let isNesterov = step.flag(2)
    return Coefficients(
      lr: step.lr,
      momentum: momentum,
      gradientShare: startsWithGradient ? 1 : 1 - step.hyperparameter(1),
      ownGradient: isNesterov ? 1 : 0,
      ownBuffer: isNesterov ? momentum : 1)
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    if let buffer = slots[0] {
      runner.run(Momentum(coefficients), OneSlot(buffer))
    } else {
      runner.run(Plain(coefficients), NoSlots())
    }
  }

  @frozen
  public struct Plain<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = NoSlots<Scalar>
    @usableFromInline let lr: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      lr = Scalar(coefficients.lr)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout ()) -> Scalar {
      lr * gradient
    }
  }

  @frozen
  public struct Momentum<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = OneSlot<Scalar>
    @usableFromInline let lr, momentum, gradientShare, ownGradient, ownBuffer: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      lr = Scalar(coefficients.lr)
      momentum = Scalar(coefficients.momentum)
      gradientShare = Scalar(coefficients.gradientShare)
      ownGradient = Scalar(coefficients.ownGradient)
      ownBuffer = Scalar(coefficients.ownBuffer)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots buffer: inout Scalar) -> Scalar
    {
      buffer = momentum * buffer + gradientShare * gradient
      return lr * (ownGradient * gradient + ownBuffer * buffer)
    }
  }
}
