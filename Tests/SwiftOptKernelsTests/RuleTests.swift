import CSwiftOpt
import TestSupport
import XCTest

/// Every registered optimizer, in all its variants, dtypes and sizes: the baseline against
/// the papers' equations, the other levels against the baseline's bits.
final class RuleTests: XCTestCase {
  /// Around the widths of the vectors and of a tile, and more than two tiles.
  private let sizes = [0, 1, 7, 8, 9, 15, 16, 17, 2047, 2048, 4097]
  private let lr = 0.01
  private let weightDecay = 0.1

  func testBaselineFollowsTheEquations() {
    followsTheEquations(Float.self)
    followsTheEquations(Double.self)
  }

  func testBaselineBitsDoNotDependOnPlacement() throws { try hasBaselineBits(.baseline) }

  func testAVX2HasTheBitsOfTheBaseline() throws { try hasBaselineBits(.avx2) }

  func testAVX512HasTheBitsOfTheBaseline() throws { try hasBaselineBits(.avx512) }

  func testEveryElementwiseOptimizerHasAnEquation() {
    for optimizer in OptimizerEntry.all where optimizer.description.kind == SO_ELEMENTWISE {
      XCTAssertNotNil(Equations.atParameter(optimizer.name), optimizer.name)
    }
  }

  /// Each step is judged from the state that the kernel's own last step left, so the
  /// bounds are those of one step.
  private func followsTheEquations<Scalar: TestScalar>(_ type: Scalar.Type) {
    var counted = 0
    var vague = 0
    forEachVariantAndSize(type) { state, gradients in
      guard let equation = Equations.atParameter(state.settings.optimizer.name) else { return }
      for gradient in gradients {
        let before = state
        let decay = decayShare(of: state.settings.optimizer)
        let coefficients = state.begin(lr: lr, weightDecay: weightDecay)
        state.update(
          gradient: gradient, coefficients: coefficients, decay: decay, level: .baseline, .end)
        let element = equation(
          StepNumbers(
            settings: state.settings, lr: lr, weightDecay: weightDecay, scalars: state.scalars))
        for index in gradient.indices {
          func exactly(_ value: Scalar) -> Bounded {
            Bounded(exactly: Double(value), Scalar.precision)
          }
          var slots = before.slots.map { exactly($0?[index] ?? 0) }
          let old = exactly(before.parameter[index])
          let step = element(exactly(gradient[index]), old, &slots)
          var pairs = [(old - (step + decay * old), state.parameter[index])]
          for (expected, slot) in zip(slots, state.slots) where slot != nil {
            pairs.append((expected, slot![index]))
          }
          for (position, (expected, result)) in pairs.enumerated() {
            counted += 1
            if expected.isVague { vague += 1 }
            guard expected.allows(Double(result)) else {
              return XCTFail(
                "\(state.settings), \(type), element \(index) of \(gradient.count), array "
                  + "\(position): \(result) is not \(expected.value) ± \(expected.error)")
            }
          }
        }
      }
    }
    // Vague where the parameter and its step, or average and gradient, nearly cancel.
    XCTAssertGreaterThan(counted, 0)
    XCTAssertLessThan(vague, counted / 50)
  }

  private func hasBaselineBits(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    hasBaselineBits(level, Float.self)
    hasBaselineBits(level, Double.self)
  }

  private func hasBaselineBits<Scalar: TestScalar>(
    _ level: InstructionLevel, _ type: Scalar.Type
  ) {
    forEachVariantAndSize(type) { state, gradients in
      for gradient in gradients {
        let decay = decayShare(of: state.settings.optimizer)
        let coefficients = state.begin(lr: lr, weightDecay: weightDecay)
        let before = state
        state.update(
          gradient: gradient, coefficients: coefficients, decay: decay, level: .baseline, .end)
        for placement in Placement.allCases {
          var other = before
          other.update(
            gradient: gradient, coefficients: coefficients, decay: decay, level: level, placement)
          guard other.hasSameBits(as: state) else {
            return XCTFail(
              "\(state.settings), \(type), \(gradient.count) elements, \(placement)")
          }
        }
      }
    }
  }

  /// Coupled decay is part of the gradient when it reaches the rule, and a rule's own decay
  /// of the step.
  private func decayShare(of optimizer: OptimizerEntry) -> Double {
    optimizer.description.decay == Int32(SO_DECAY_DECOUPLED) ? lr * weightDecay : 0
  }

  private func forEachVariantAndSize<Scalar: TestScalar>(
    _ type: Scalar.Type, _ body: (inout RuleState<Scalar>, _ gradients: [[Scalar]]) -> Void
  ) {
    var random = SplitMix64(seed: 1)
    for settings in OptimizerEntry.all.flatMap(\.variants) {
      for (index, size) in sizes.enumerated() {
        var state = RuleState<Scalar>(
          settings, parameter: random.numbers(size, exponents: -16...3))
        // Every other tensor has ten updates behind it: RAdam begins to divide at the sixth.
        if index.isMultiple(of: 2) {
          for _ in 0..<10 { _ = state.begin(lr: lr, weightDecay: weightDecay) }
        }
        body(&state, (0..<3).map { _ in random.numbers(size, exponents: -16...6) })
      }
    }
  }
}
