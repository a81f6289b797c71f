import CSwiftOpt
import SwiftOptMath

/// Adafactor: a matrix of second moments that is the product of a row and a column.
///
/// Shazeer & Stern 2018, "Adafactor: Adaptive learning rates with sublinear memory cost",
/// algorithms 4 (matrices) and 5 (vectors), with eps₁ and lr as torch uses them. With
/// RMS(x) = |x| / √n over all n elements of a tensor, and one pair R, C for each matrix:
///
///     β₂ ← 1 − t^beta2_decay
///     R ← β₂ · R + (1 − β₂) · (mean of g² over each row)
///     C ← β₂ · C + (1 − β₂) · (mean of g² over each column)
///     V ← R · C / max(mean of R, eps₁)           (vectors: V ← β₂ · V + (1 − β₂) · g²)
///     u ← g / max(√V, eps₁)
///     α ← max(eps₂, RMS(p)) · min(lr, 1 / √t)
///     p ← p − α · u / max(1, RMS(u) / d) − lr · weight_decay · p
///
/// With `beta1` the step is an average of steps, lr and all, as in the authors' own program.
/// `eps1` = 0 stands for the computation's machine epsilon, torch's default.
///
/// The rule sees a matrix's `u` in place of the gradient: the engine has factored it.
public enum Adafactor: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    /// 1 − β₂.
    @usableFromInline var share: Double
    @usableFromInline var eps1: Double
    /// The step is `ownStep · u`, and with an average m of steps
    /// `m ← ownAverage · m + ownStep · u`.
    @usableFromInline var ownAverage, ownStep: Double
    @usableFromInline var beta1, eps2, d, relativeStep: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("adafactor", lr: 1e-2, decay: .decoupled, kind: .factored)
    description.hyperparameter("beta2_decay", -0.8, minimum: -.infinity, maximum: 0)
    description.hyperparameter("eps1", 0)
    description.hyperparameter("eps2", 1e-3)
    description.hyperparameter("d", 1, minimum: 1)
    description.averagingFactor("beta1", 0)
    description.slot("row_var", .nonnegative, form: .row, of: .matrices)
    description.slot("col_var", .nonnegative, form: .column, of: .matrices)
    description.slot("variance", .nonnegative, of: .others)
    description.slot("exp_avg", requiredBy: 4)
  }

  /// Those of a trial, which measures `u` itself.
  public static func coefficients(for step: TensorStep) -> Coefficients {
    Coefficients(
      share: 1 / power(step.number, -step.hyperparameter(0)),
      eps1: step.hyperparameter(1),
      ownAverage: 0,
      ownStep: 1,
      beta1: step.hyperparameter(4),
      eps2: step.hyperparameter(2),
      d: step.hyperparameter(3),
      relativeStep: min(step.lr, 1 / step.number.squareRoot()))
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    switch (slots[2], slots[3]) {
    case (nil, nil): runner.run(Scaled(coefficients), NoSlots())
    case (nil, let expAvg?): runner.run(Averaged(coefficients), OneSlot(expAvg))
    case (let variance?, nil): runner.run(Vector(coefficients), OneSlot(variance))
    case (let variance?, let expAvg?):
      runner.run(AveragedVector(coefficients), TwoSlots(variance, expAvg))
    }
  }
}

extension Adafactor.Coefficients {
  /// Those of the step itself, for a tensor of `count` elements, from the norms that the
  /// trial has measured.
  public func measured(parameterNorm: Double, updateNorm: Double, count: Int) -> Self {
    let root = Double(count).squareRoot()
    let alpha = max(eps2, parameterNorm / root) * relativeStep
    let scale = alpha / max(1, updateNorm / (root * d))
    var result = self
    result.ownAverage = beta1
    result.ownStep = (1 - beta1) * scale
    return result
  }

  /// The share of the newest gradient in the second moments.
  public var newestShare: Double { share }

  /// The least mean of a row factor.
  public func leastMean<Scalar: RealScalar>(_ scalar: Scalar.Type) -> Double {
    Double(epsilon(scalar))
  }

  /// The least second moment.
  public func leastVariance<Scalar: RealScalar>(_ scalar: Scalar.Type) -> Double {
    Double(epsilon(scalar) * epsilon(scalar))
  }

  @inlinable @inline(__always)
  func epsilon<Scalar: RealScalar>(_ scalar: Scalar.Type) -> Scalar {
    eps1 == 0 ? Scalar.ulpOfOne : Scalar(eps1)
  }
}
