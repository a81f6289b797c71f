import CSwiftOpt

/// Rprop: every element has a step size of its own, which follows the signs alone.
///
/// Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation learning:
/// the RPROP algorithm", in the form that torch has: iRprop− of Igel & Hüsken 2000,
/// "Improving the Rprop learning algorithm", which has no way back:
///
///     η = eta_plus where g · g′ > 0, eta_minus where g · g′ < 0, else 1
///     s ← s · η, limited to step_size_min ... step_size_max      (s starts at lr)
///     g ← 0 where g · g′ < 0
///     p ← p − s · sign(g)
///     g′ ← g
public enum Rprop: Optimizer {
  @frozen
  public struct Coefficients: BitwiseCopyable {
    @usableFromInline var etaMinus, etaPlus, least, largest: Double
    /// To be added to the old step size: lr at the first update, when the slot is still 0.
    @usableFromInline var start: Double
  }

  public static func describe(_ description: inout Description) {
    description.name("rprop", lr: 1e-2, decay: .coupled)
    description.hyperparameter("eta_minus", 0.5, maximum: 1, isOpen: true)
    description.hyperparameter("eta_plus", 1.2, minimum: 1)
    description.hyperparameter("step_size_min", 1e-6)
    description.hyperparameter("step_size_max", 50)
    description.slot("prev")
    description.slot("step_size", .nonnegative)
  }

  public static func coefficients(for step: TensorStep) -> Coefficients {
    Coefficients(
      etaMinus: step.hyperparameter(0),
      etaPlus: step.hyperparameter(1),
      least: step.hyperparameter(2),
      largest: step.hyperparameter(3),
      start: step.number == 1 ? step.lr : 0)
  }

  @inlinable @inline(__always)
  public static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner
  ) {
    guard let previous = slots[0], let stepSize = slots[1] else { return }
    runner.run(Rule(coefficients), TwoSlots(previous, stepSize))
  }

  @frozen
  public struct Rule<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let etaMinus, etaPlus, least, largest, start: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      etaMinus = Scalar(coefficients.etaMinus)
      etaPlus = Scalar(coefficients.etaPlus)
      least = Scalar(coefficients.least)
      largest = Scalar(coefficients.largest)
      start = Scalar(coefficients.start)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      // The gradient along its old direction: its sign says whether the two agree, as that
      // of their product would if it couldn't be too small to have one.
      let along = slots.0 > 0 ? gradient : (slots.0 < 0 ? -gradient : 0)
      let eta = along > 0 ? etaPlus : (along < 0 ? etaMinus : 1)
      let followed = along < 0 ? 0 : gradient
      let scaled = (slots.1 + start) * eta
      let limited = scaled < least ? least : (scaled > largest ? largest : scaled)
      let stepSize = followed.isNaN ? followed : limited
      slots = (followed, stepSize)
      return followed > 0 ? stepSize : (followed < 0 ? -stepSize : followed)
    }
  }
}
