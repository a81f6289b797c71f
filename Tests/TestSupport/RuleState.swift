import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// One tensor, which is no matrix, that a level's kernel updates without the engine.
public struct RuleState<Scalar: TestScalar> {
  public let settings: Settings
  public var parameter: [Scalar]
  /// In the order of the description, nil if absent.
  public var slots: [[Scalar]?]
  public var scalars: [Double]

  public init(_ settings: Settings, parameter: [Scalar]) {
    self.settings = settings
    self.parameter = parameter
    slots = zip(settings.initialSlots, settings.optimizer.slots).map { initial, slot in
      if slot.owner == SO_SLOT_OF_MATRICES { return nil }
      if slot.starts_as_parameter != 0 { return parameter }
      return initial.map { Array(repeating: Scalar($0), count: parameter.count) }
    }
    scalars = settings.optimizer.scalars.map(\.initial_value)
  }

  /// Advances the scalars and returns the coefficients of this step.
  public mutating func begin(lr: Double, weightDecay: Double = 0) -> Coefficients {
    scalars[0] += 1
    return scalars.withUnsafeMutableBufferPointer { scalars in
      settings.values.withUnsafeBufferPointer { values in
        var writer = CoefficientWriter(
          step: TensorStep(
            lr: lr, weightDecay: weightDecay, hyperparameters: values.baseAddress!,
            scalars: scalars.baseAddress!))
        precondition(visitOptimizer(settings.optimizer.id, &writer))
        return writer.coefficients
      }
    }
  }

  /// Updates parameter and slots by one level's kernel, all in memory whose ends are
  /// guarded. The arrays begin before the run, as those of a tensor do for its later tiles.
  public mutating func update(
    gradient: [Scalar], coefficients: Coefficients, decay: Double = 0,
    level: InstructionLevel, _ placement: Placement
  ) {
    let before = [Scalar](repeating: .nan, count: 3)
    let parameterBuffer = GuardedBuffer(before + parameter, placement)
    let gradientBuffer = GuardedBuffer(before + gradient, placement)
    let slotBuffers = slots.map { $0.map { GuardedBuffer(before + $0, placement) } }
    withUpdate(optimizer: settings.optimizer.id, dtype: Scalar.dtype, coefficients) { run in
      (run.index, run.count) = (Int64(before.count), Int64(parameter.count))
      (run.parameter, run.gradient) = (parameterBuffer.raw, UnsafeRawPointer(gradientBuffer.raw))
      run.decay = decay
      for (index, buffer) in slotBuffers.enumerated() {
        run.setSlot(index, buffer?.raw, Scalar.dtype)
      }
      level.kernels.update!(&run)
    }
    precondition(
      haveSameBits(gradientBuffer.elements, before + gradient), "a kernel changed a gradient")
    func after(_ buffer: GuardedBuffer<Scalar>) -> [Scalar] {
      let elements = buffer.elements
      precondition(haveSameBits(Array(elements.prefix(before.count)), before))
      return Array(elements.dropFirst(before.count))
    }
    parameter = after(parameterBuffer)
    slots = slotBuffers.map { $0.map(after) }
  }

  public func hasSameBits(as other: RuleState) -> Bool {
    haveSameBits(parameter, other.parameter)
      && zip(slots, other.slots).allSatisfy { haveSameBits($0 ?? [], $1 ?? []) }
  }
}

/// The coefficients of one step as the engine stores them.
public struct Coefficients {
  public var words = [UInt64](repeating: 0, count: Int(SO_COEFFICIENT_BYTES) / 8)
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
