import CSwiftOpt

/// Adadelta: steps in the parameter's own unit, as large as the recent ones were.
///
/// Zeiler 2012, "ADADELTA: An adaptive learning rate method", algorithm 1 with the
/// learning rate that torch adds (1 is the paper's method):
///
///     v ← ρ · v + (1 − ρ) · g²
///     d = √(u + eps) / √(v + eps) · g
///     u ← ρ · u + (1 − ρ) · d²
///     p ← p − lr · d
public enum Adadelta: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var lr, rho, oneMinusRho, eps: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("adadelta", lr: 1, decay: .coupled)
    description.averagingFactor("rho", 0.9)
    // The first steps are as large as √eps says: with 0 there would never be any.
    description.hyperparameter("eps", 1e-6, minimum: Double(Float.leastNormalMagnitude))
    description.slot("square_avg", .nonnegative)
    description.slot("acc_delta", .nonnegative)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    let rho = step.hyperparameter(0)
    return Coefficients(lr: step.lr, rho: rho, oneMinusRho: 1 - rho, eps: step.hyperparameter(1))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let squareAvg = slots[0], let accDelta = slots[1] else { return }
    runner.run(Rule(coefficients), TwoSlots(squareAvg, accDelta))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let lr, rho, oneMinusRho, eps: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      lr = Scalar(coefficients.lr)
      rho = Scalar(coefficients.rho)
      oneMinusRho = Scalar(coefficients.oneMinusRho)
      eps = Scalar(coefficients.eps)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      let squareAvg = rho * slots.0 + oneMinusRho * (gradient * gradient)
      let delta = (slots.1 + eps).squareRoot() / (squareAvg + eps).squareRoot() * gradient
      slots = (squareAvg, rho * slots.1 + oneMinusRho * (delta * delta))
      return lr * delta
    }
  }
}
