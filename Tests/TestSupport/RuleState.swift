import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// One tensor that a level's kernel updates without the engine.
public struct RuleState<Scalar: TestScalar> {
  public let settings: Settings
  public var parameter: [Scalar]
  /// In the order of the description, nil if absent.
  public var slots: [[Scalar]?]
  public var scalars: [Double]

  public init(_ settings: Settings, parameter: [Scalar]) {
    self.settings = settings
    self.parameter = parameter
    slots = settings.initialSlots.map { initial in
      initial.map { Array(repeating: Scalar($0), count: parameter.count) }
    }
    scalars = settings.optimizer.scalars.map(\.initial_value)
  }

  /// Advances the scalars and returns the coefficients of this step.
  public mutating func begin(lr: Double) -> Coefficients {
    scalars[0] += 1
    return scalars.withUnsafeMutableBufferPointer { scalars in
      settings.values.withUnsafeBufferPointer { values in
        var writer = CoefficientWriter(
          step: TensorStep(
            lr: lr, hyperparameters: values.baseAddress!, scalars: scalars.baseAddress!))
        precondition(visitOptimizer(settings.optimizer.id, &writer))
        return writer.coefficients
      }
    }
  }

  /// Updates parameter and slots by one level's kernel, all in memory whose ends are
  /// guarded. The slots begin before the run, as those of a tensor do for its later tiles.
  public mutating func update(
    gradient: [Scalar], coefficients: Coefficients, decay: Double = 0,
    level: InstructionLevel, _ placement: Placement
  ) {
    let before = [Scalar](repeating: .nan, count: 3)
    let parameterBuffer = GuardedBuffer(parameter, placement)
    let gradientBuffer = GuardedBuffer(gradient, placement)
    let slotBuffers = slots.map { $0.map { GuardedBuffer(before + $0, placement) } }
    let bases = slotBuffers.map { $0?.raw }
    let padding: [UnsafeMutableRawPointer?] = Array(repeating: nil, count: Int(SO_MAX_SLOTS))
    (bases + padding).withUnsafeBufferPointer { bases in
      coefficients.words.withUnsafeBytes { coefficients in
        var tile = so_update(
          optimizer: settings.optimizer.id, dtype: Scalar.dtype, parameter: parameterBuffer.raw,
          gradient: gradientBuffer.raw, slots: bases.baseAddress!, offset: Int64(before.count),
          count: Int64(parameter.count), decay: decay, penalty: 0,
          coefficients: coefficients.baseAddress!)
        level.kernels.update!(&tile)
      }
    }
    precondition(haveSameBits(gradientBuffer.elements, gradient), "a kernel changed a gradient")
    parameter = parameterBuffer.elements
    slots = slotBuffers.map { buffer in
      buffer.map { buffer in
        precondition(haveSameBits(Array(buffer.elements.prefix(before.count)), before))
        return Array(buffer.elements.dropFirst(before.count))
      }
    }
  }

  public func hasSameBits(as other: RuleState) -> Bool {
    haveSameBits(parameter, other.parameter)
      && zip(slots, other.slots).allSatisfy { haveSameBits($0 ?? [], $1 ?? []) }
  }
}

/// The coefficients of one step as the engine stores them.
public struct Coefficients {
  var words = [UInt64](repeating: 0, count: Int(SO_COEFFICIENT_BYTES) / 8)
}

private struct CoefficientWriter: OptimizerVisitor {
  let step: TensorStep
  var coefficients = Coefficients()

  mutating func visit<Chosen: Optimizer>(_ optimizer: Chosen.Type) {
    let numbers = Chosen.coefficients(for: step)
    coefficients.words.withUnsafeMutableBytes {
      $0.storeBytes(of: numbers, as: Chosen.Coefficients.self)
    }
  }
}
