import CSwiftOpt

/// RMSprop: the gradient divided by its running root mean square.
///
/// Hinton 2012, lecture 6 of "Neural networks for machine learning"; centered as in
/// Graves 2013, "Generating sequences with recurrent neural networks", equations 38-45;
/// in torch's form, eps outside the root and lr outside the buffer:
///
///     v ← α · v + (1 − α) · g²
///     a ← α · a + (1 − α) · g                  (centered: v − a² replaces v below)
///     d = g / (√v + eps)
///     b ← momentum · b + d                     (with momentum: b replaces d below)
///     p ← p − lr · d
public enum RMSprop: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var lr, alpha, oneMinusAlpha, eps, momentum: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("rmsprop", lr: 1e-2, decay: .coupled)
    description.averagingFactor("alpha", 0.99)
    description.hyperparameter("eps", 1e-8)
    description.hyperparameter("momentum", 0)
    description.flag("centered")
    description.hyperparameter("initial_accumulator_value", 0)
    description.slot("square_avg", .nonnegative, startsAt: 4)
    description.slot("momentum_buffer", requiredBy: 2)
    description.slot("grad_avg", requiredBy: 3)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let alpha = step.hyperparameter(0)
    return Coefficients(
      lr: step.lr,
      alpha: alpha,
      oneMinusAlpha: 1 - alpha,
      eps: step.hyperparameter(1),
      momentum: step.hyperparameter(2))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let squareAvg = slots[0] else { return }
    let rule = Plain<Runner.Scalar>(coefficients)
    switch (slots[1], slots[2]) {
    case (nil, nil):
      runner.run(rule, OneSlot(squareAvg))
    case (let buffer?, nil):
      runner.run(Momentum(rule: rule), TwoSlots(squareAvg, buffer))
    case (nil, let gradAvg?):
      runner.run(Centered(rule: rule), TwoSlots(squareAvg, gradAvg))
    case (let buffer?, let gradAvg?):
      runner.run(CenteredMomentum(rule: rule), ThreeSlots(squareAvg, buffer, gradAvg))
    }
  }

  @frozen
  public struct Plain<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = OneSlot<Scalar>
    @usableFromInline let lr, alpha, oneMinusAlpha, eps, momentum: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      lr = Scalar(coefficients.lr)
      alpha = Scalar(coefficients.alpha)
      oneMinusAlpha = Scalar(coefficients.oneMinusAlpha)
      eps = Scalar(coefficients.eps)
      momentum = Scalar(coefficients.momentum)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots squareAvg: inout Scalar)
      -> Scalar
    {
      lr * direction(gradient, &squareAvg)
    }

    @inlinable @inline(__always)
    func direction(_ gradient: Scalar, _ squareAvg: inout Scalar) -> Scalar {
      squareAvg = alpha * squareAvg + oneMinusAlpha * (gradient * gradient)
      return ratio(gradient, squareAvg.squareRoot() + eps)
    }

    @inlinable @inline(__always)
    func direction(
      _ gradient: Scalar, _ squareAvg: inout Scalar, _ gradAvg: inout Scalar
    ) -> Scalar {
      squareAvg = alpha * squareAvg + oneMinusAlpha * (gradient * gradient)
      gradAvg = alpha * gradAvg + oneMinusAlpha * gradient
      // A variance can't be negative; rounding can make the difference so.
      let difference = squareAvg - gradAvg * gradAvg
      let variance = difference < 0 ? 0 : difference
      return ratio(gradient, variance.squareRoot() + eps)
    }
  }

  @frozen
  public struct Momentum<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let rule: Plain<Scalar>

    @inlinable @inline(__always)
    init(rule: Plain<Scalar>) { self.rule = rule }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      slots.1 = rule.momentum * slots.1 + rule.direction(gradient, &slots.0)
      return rule.lr * slots.1
    }
  }

  @frozen
  public struct Centered<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let rule: Plain<Scalar>

    @inlinable @inline(__always)
    init(rule: Plain<Scalar>) { self.rule = rule }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      rule.lr * rule.direction(gradient, &slots.0, &slots.1)
    }
  }

  @frozen
  public struct CenteredMomentum<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = ThreeSlots<Scalar>
    @usableFromInline let rule: Plain<Scalar>

    @inlinable @inline(__always)
    init(rule: Plain<Scalar>) { self.rule = rule }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar, Scalar))
      -> Scalar
    {
      slots.1 = rule.momentum * slots.1 + rule.direction(gradient, &slots.0, &slots.2)
      return rule.lr * slots.1
    }
  }
}
