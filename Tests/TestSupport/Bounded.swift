/// The roundings of one element type, as error bounds see them.
public struct Precision: Sendable {
  /// The relative error of one operation.
  public let unit: Double
  /// The absolute error of one operation with a subnormal result.
  public let underflow: Double

  /// Half an ULP of 1, and half of the least number. The reference's own errors, in
  /// float64, are below a millionth of that.
  public static let float = Precision(unit: 0x1p-24, underflow: 0x1p-150)

  /// Twice as much as one operation's: the reference is in float64 too and rounds as often.
  public static let double = Precision(unit: 0x1p-52, underflow: 0x1p-1074)
}

/// A number of a reference computation in float64, with a bound on its distance from the
/// same number computed in the precision under test.
///
/// This is running error analysis (Higham 2002, "Accuracy and stability of numerical
/// algorithms", section 3.3). With the unit roundoff u, each operation there gives
/// `(a op b) · (1 + d)` with |d| ≤ u, on operands that are off by their own errors; the
/// operators below add both parts up. So an equation written with them carries its own
/// tolerance, which is tight where nothing cancels and wide where something does.
///
/// A `Double` operand is a coefficient: it is rounded once to the precision under test.
public struct Bounded {
  public let value: Double
  public let error: Double
  private let precision: Precision

  /// A number that the computation under test has exactly.
  public init(exactly value: Double, _ precision: Precision) {
    self.init(value, error: 0, precision)
  }

  private init(_ value: Double, error: Double, _ precision: Precision) {
    self.value = value
    self.error = error
    self.precision = precision
  }

  private func rounded(_ value: Double, propagated error: Double) -> Bounded {
    Bounded(
      value,
      error: error + precision.unit * (value.magnitude + error) + precision.underflow,
      precision)
  }

  /// A coefficient as the computation under test has it: rounded once.
  public func coefficient(_ value: Double) -> Bounded { rounded(value, propagated: 0) }

  public static func + (a: Bounded, b: Bounded) -> Bounded {
    a.rounded(a.value + b.value, propagated: a.error + b.error)
  }

  public static func - (a: Bounded, b: Bounded) -> Bounded {
    a.rounded(a.value - b.value, propagated: a.error + b.error)
  }

  public static func * (a: Bounded, b: Bounded) -> Bounded {
    a.rounded(
      a.value * b.value,
      propagated: a.value.magnitude * b.error + b.value.magnitude * a.error + a.error * b.error)
  }

  public static func / (a: Bounded, b: Bounded) -> Bounded {
    let quotient = a.value / b.value
    let least = b.value.magnitude - b.error
    return a.rounded(
      quotient,
      propagated: least > 0 ? (a.error + quotient.magnitude * b.error) / least : .infinity)
  }

  public static func + (a: Bounded, b: Double) -> Bounded { a + a.coefficient(b) }
  public static func * (a: Double, b: Bounded) -> Bounded { b.coefficient(a) * b }
  public static func / (a: Bounded, b: Double) -> Bounded { a / a.coefficient(b) }

  public func squareRoot() -> Bounded {
    let root = value.squareRoot()
    let below = root - max(0, value - error).squareRoot()
    let above = (value + error).squareRoot() - root
    return rounded(root, propagated: max(below, above))
  }

  /// Within ± `limit`. Limiting brings two numbers no further apart.
  public func limited(to limit: Double) -> Bounded {
    let limit = coefficient(limit)
    guard value.magnitude > limit.value else { return self }
    return Bounded(
      value > 0 ? limit.value : -limit.value, error: max(error, limit.error), precision)
  }

  public var magnitude: Bounded { Bounded(value.magnitude, error: error, precision) }

  /// -1, 0 or 1; 0 ± 1 if the error leaves the sign open.
  public var sign: Bounded {
    if error > 0 && value.magnitude <= error { return Bounded(0, error: 1, precision) }
    return Bounded(exactly: value > 0 ? 1 : (value < 0 ? -1 : 0), precision)
  }

  /// Whether the number as computed elsewhere is as near as it must be.
  public func allows(_ result: Double) -> Bool { (result - value).magnitude <= error }

  /// Whether the bound leaves more than 8 of the 24 or 53 bits open.
  public var isVague: Bool { error > 256 * precision.unit * value.magnitude }
}

public func max(_ a: Bounded, _ b: Bounded) -> Bounded {
  a.value > b.value ? a.raised(to: b) : b.raised(to: a)
}

extension Bounded {
  fileprivate func raised(to other: Bounded) -> Bounded {
    Bounded(value, error: Swift.max(error, other.error), precision)
  }
}
