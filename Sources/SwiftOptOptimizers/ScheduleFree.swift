/// What the Schedule-Free optimizers have in common: two sequences of weights, of which the
/// one is averaged and the gradients are taken in between.
///
/// Defazio et al. 2024, "The road less scheduled", equations 1-3. With d the direction, γ the
/// learning rate and c = w / Σ w, the share of this step's weight w in the sum of all:
///
///     y = (1 − β) · z + β · x
///     z ← z − γ · d(y)
///     x ← (1 − c) · x + c · z
///
/// Kept are y, in the parameter, and z; x = y + (1 − 1/β) · (z − y). Without x the step is
///
///     y ← y − (c · (y − z) + γ · (1 − β · (1 − c)) · d)
///
/// and if β isn't the one that made y, x tells that c is to be 1 − (1 − c) · β / β_before
/// in the first of both products.
///
/// The weight is the square of the largest γ so far: that of the paper, γ², while γ grows, as
/// it does in a warm-up. A γ that falls takes no weight away, as in the authors' code.
enum ScheduleFree {
  /// z before any other slot; the scalars 1, 2 and 3.
  static func describe(_ description: inout Description) {
    // z is trained by small steps, like a parameter, so no rounding may lose them.
    description.slot("z", .exact, startsAsParameter: true)
    description.scalar("weight_sum", startsAt: 0)
    description.scalar("lr_max", startsAt: 0)
    // The β of the last step, which is in y. Before any, y = z = x whatever it is.
    description.scalar("interpolation", startsAt: 1)
  }

  /// Little of x is left in y if β is small: to recover it divides roundings by β.
  static let leastInterpolation = 1e-3

  /// Advances the three scalars.
  static func coefficients(for step: TensorStep, interpolation: Double)
    -> ScheduleFreeCoefficients
  {
    let weightSum = step.scalar(1)
    let largest = step.lr > step.scalar(2) ? step.lr : step.scalar(2)
    let weight = largest * largest
    let newSum = weightSum + weight
    // No weight so far: the learning rates were 0, and z is where it began.
    let share = newSum == 0 ? 0 : weight / newSum
    let before = step.scalar(3)
    step.setScalar(1, to: newSum)
    step.setScalar(2, to: largest)
    step.setScalar(3, to: interpolation)
    return ScheduleFreeCoefficients(
      lr: step.lr,
      weightDecay: step.weightDecay,
      towardsZ: 1 - (1 - share) * (interpolation / before),
      stepSize: step.lr * (1 - interpolation * (1 - share)))
  }
}

@frozen
public struct ScheduleFreeCoefficients: BitwiseCopyable {
  @usableFromInline var lr, weightDecay: Double
  /// y's step: of y − z, and of the direction.
  @usableFromInline var towardsZ, stepSize: Double
}

/// One element of the two sequences.
@frozen
public struct ScheduleFreeIterates<Scalar: RealScalar> {
  @usableFromInline let lr, weightDecay, towardsZ, stepSize: Scalar

  @inlinable @inline(__always)
  init(_ coefficients: ScheduleFreeCoefficients) {
    lr = Scalar(coefficients.lr)
    weightDecay = Scalar(coefficients.weightDecay)
    towardsZ = Scalar(coefficients.towardsZ)
    stepSize = Scalar(coefficients.stepSize)
  }

  /// Advances z and returns the step of `y`. The weight decay is that of y.
  @inlinable @inline(__always)
  func step(direction: Scalar, y: Scalar, z: inout Scalar) -> Scalar {
    // Nothing of an infinite parameter is not 0 · ∞.
    let decayed = weightDecay == 0 ? direction : direction + weightDecay * y
    // Equal numbers may be infinite, and ∞ − ∞ is not 0.
    let distance = y == z ? 0 : y - z
    let step = towardsZ * distance + stepSize * decayed
    z = z - lr * decayed
    return step
  }
}
