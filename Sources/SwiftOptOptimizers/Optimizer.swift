import CSwiftOpt

/// One optimizer: what it is called and needs, what a step's numbers are, and
/// which rule runs on an element.
///
/// To add one: a file with a type that conforms, and a line in `visitOptimizer`.
public protocol Optimizer {
  /// The numbers that all elements of a tensor share during one step, computed in
  /// float64. At most `SO_COEFFICIENT_BYTES` of plain numbers.
  associatedtype Coefficients: BitwiseCopyable

  /// Name, defaults, bounds and state, for whoever allocates and checks.
  static func describe(_ description: inout Description)

  /// Once per tensor and step: advances the tensor's scalars (`step` is already
  /// advanced) and gives the numbers that the rule needs.
  static func coefficients(for step: TensorStep) -> Coefficients

  /// Picks the rule that fits the slots that are present and hands it to `runner`.
  static func dispatch<Runner: RuleRunner>(
    _ coefficients: Coefficients, _ slots: SlotPointers<Runner.Scalar>, _ runner: Runner)

  /// For `Kind.trustStep` and `.trustGradient`: the factor of a tensor's step or gradient,
  /// from the norm of the parameter and that of its step or gradient (after clipping).
  static func trustRatio(parameterNorm: Double, otherNorm: Double, for step: TensorStep) -> Double
}

extension Optimizer {
  public static func trustRatio(parameterNorm: Double, otherNorm: Double, for step: TensorStep)
    -> Double
  { 1 }
}

/// Runs a rule over the elements of a tile. The level modules conform.
public protocol RuleRunner {
  associatedtype Scalar: RealScalar

  func run<Rule: UpdateRule>(_ rule: Rule, _ streams: Rule.Streams)
  where Rule.Streams.Scalar == Scalar
}

/// A tensor's hyper-parameters and scalars at one step.
@frozen
public struct TensorStep {
  public let lr: Double
  public let weightDecay: Double
  @usableFromInline let hyperparameters: UnsafePointer<Double>
  @usableFromInline let scalars: UnsafeMutablePointer<Double>

  @inlinable
  public init(
    lr: Double,
    weightDecay: Double,
    hyperparameters: UnsafePointer<Double>,
    scalars: UnsafeMutablePointer<Double>
  ) {
    self.lr = lr
    self.weightDecay = weightDecay
    self.hyperparameters = hyperparameters
    self.scalars = scalars
  }

  /// The number of this update: 1 for the first.
  @inlinable
  public var number: Double { scalars[0] }

  /// Hyper-parameter `index`, in the order of `describe`.
  @inlinable
  public func hyperparameter(_ index: Int) -> Double { hyperparameters[index] }

  /// Hyper-parameter `index`, which is 0 or 1.
  @inlinable
  public func flag(_ index: Int) -> Bool { hyperparameters[index] != 0 }

  /// Scalar `index`, in the order of `describe`; 0 is the number of this update.
  @inlinable
  public func scalar(_ index: Int) -> Double { scalars[index] }

  /// Gives scalar `index` a new value.
  @inlinable
  public func setScalar(_ index: Int, to value: Double) { scalars[index] = value }

  /// Multiplies scalar `index` by `factor` and returns the product so far. Running
  /// products make bias corrections right for betas that change from step to step.
  @inlinable
  public func multiplyScalar(_ index: Int, by factor: Double) -> Double {
    scalars[index] *= factor
    return scalars[index]
  }
}

/// The slots of a tensor at the first element of a run.
@frozen
public struct SlotPointers<Scalar: RealScalar> {
  @usableFromInline let pointers: UnsafePointer<UnsafeMutableRawPointer?>

  @inlinable @inline(__always)
  public init(_ pointers: UnsafePointer<UnsafeMutableRawPointer?>) {
    self.pointers = pointers
  }

  /// Slot `index`, or nil if the tensor doesn't have it.
  @inlinable @inline(__always)
  public subscript(index: Int) -> UnsafeMutablePointer<Scalar>? {
    pointers[index]?.assumingMemoryBound(to: Scalar.self)
  }
}
