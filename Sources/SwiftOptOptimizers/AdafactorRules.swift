extension Adafactor {
  /// A matrix's step from its `u`.
  @frozen
  public struct Scaled<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = NoSlots<Scalar>
    @usableFromInline let ownStep: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      ownStep = Scalar(coefficients.ownStep)
    }

    @inlinable @inline(__always)
    public func update(gradient u: Scalar, parameter _: Scalar, slots: inout ()) -> Scalar {
      ownStep * u
    }
  }

  /// The average of a matrix's steps.
  @frozen
  public struct Averaged<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = OneSlot<Scalar>
    @usableFromInline let ownAverage, ownStep: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      ownAverage = Scalar(coefficients.ownAverage)
      ownStep = Scalar(coefficients.ownStep)
    }

    @inlinable @inline(__always)
    public func update(gradient u: Scalar, parameter _: Scalar, slots expAvg: inout Scalar)
      -> Scalar
    {
      expAvg = ownAverage * expAvg + ownStep * u
      return expAvg
    }
  }

  /// The step of a parameter that is no matrix.
  @frozen
  public struct Vector<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = OneSlot<Scalar>
    @usableFromInline let oneMinusShare, share, leastVariance, ownStep: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      oneMinusShare = Scalar(1 - coefficients.share)
      share = Scalar(coefficients.share)
      let eps = coefficients.epsilon(Scalar.self)
      leastVariance = eps * eps
      ownStep = Scalar(coefficients.ownStep)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter _: Scalar, slots variance: inout Scalar)
      -> Scalar
    {
      variance = oneMinusShare * variance + share * (gradient * gradient)
      // A variance that is not a number stays so.
      let least = variance < leastVariance ? leastVariance : variance
      return ownStep * ratio(gradient, least.squareRoot())
    }
  }

  /// The average of its steps.
  @frozen
  public struct AveragedVector<Scalar: RealScalar>: UpdateRule {
    public typealias Streams = TwoSlots<Scalar>
    @usableFromInline let vector: Vector<Scalar>
    @usableFromInline let ownAverage: Scalar

    @inlinable @inline(__always)
    init(_ coefficients: Coefficients) {
      vector = Vector(coefficients)
      ownAverage = Scalar(coefficients.ownAverage)
    }

    @inlinable @inline(__always)
    public func update(gradient: Scalar, parameter: Scalar, slots: inout (Scalar, Scalar))
      -> Scalar
    {
      let step = vector.update(gradient: gradient, parameter: parameter, slots: &slots.0)
      slots.1 = ownAverage * slots.1 + step
      return slots.1
    }
  }
}
