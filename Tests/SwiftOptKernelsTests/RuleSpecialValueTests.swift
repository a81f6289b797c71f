import CSwiftOpt
import TestSupport
import XCTest

/// What rules do with numbers that are zero or not numbers, at every level.
final class RuleSpecialValueTests: XCTestCase {
  /// Two vectors of the widest level and a tail.
  private let count = 35

  func testNotANumberSpreadsNoFurtherThanItsElement() {
    forEachVariant { settings, level in
      keepsNotANumberToItsElement(Float.self, settings, level)
      keepsNotANumberToItsElement(Double.self, settings, level)
    }
  }

  private func keepsNotANumberToItsElement<Scalar: TestScalar>(
    _ type: Scalar.Type, _ settings: Settings, _ level: InstructionLevel
  ) {
    for position in 0..<count {
      var state = RuleState<Scalar>(settings, parameter: ones())
      var gradient: [Scalar] = ones()
      gradient[position] = .nan
      let coefficients = state.begin(lr: 0.01)
      state.update(gradient: gradient, coefficients: coefficients, level: level, .end)
      for array in [state.parameter] + state.slots.compactMap({ $0 }) {
        let places = array.indices.filter { array[$0].isNaN }
        guard places == [position] else {
          return XCTFail("\(settings), \(level), \(type): NaN at \(places), not at \(position)")
        }
      }
    }
  }

  /// Infinite numbers turn into others or into NaN, and at every level into the same.
  func testInfinityGivesTheSameBitsAtEveryLevel() {
    forEachVariant { settings, level in
      givesBaselineBits(Float.self, settings, level)
      givesBaselineBits(Double.self, settings, level)
    }
  }

  private func givesBaselineBits<Scalar: TestScalar>(
    _ type: Scalar.Type, _ settings: Settings, _ level: InstructionLevel
  ) {
    let specials: [Scalar] = [
      .infinity, -.infinity, .nan, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
      .leastNonzeroMagnitude, -.leastNormalMagnitude, 0, -0.0, 1,
    ]
    let gradient = (0..<count).map { specials[$0 % specials.count] }
    var state = RuleState<Scalar>(
      settings, parameter: (0..<count).map { specials[$0 / specials.count] })
    for _ in 0..<2 {
      let coefficients = state.begin(lr: 0.01)
      var other = state
      state.update(
        gradient: gradient, coefficients: coefficients, decay: 0.1, level: .baseline, .end)
      other.update(gradient: gradient, coefficients: coefficients, decay: 0.1, level: level, .end)
      XCTAssert(other.hasSameBits(as: state), "\(settings), \(level), \(type)")
    }
  }

  /// An infinite parameter stays so, and doesn't become 0 · ∞ where nothing decays it.
  func testAnInfiniteParameterStaysInfinite() {
    forEachVariant { settings, level in
      for decay in [0, 0.1] {
        var state = RuleState<Float>(
          settings, parameter: (0..<count).map { $0 % 3 == 0 ? .infinity : 1 })
        let coefficients = state.begin(lr: 0.01)
        state.update(
          gradient: ones(), coefficients: coefficients, decay: decay, level: level, .end)
        for (index, value) in state.parameter.enumerated() where index % 3 == 0 {
          // With decay it is ∞ − ∞.
          XCTAssertEqual(value.isNaN, decay != 0, "\(settings), \(level) at \(index)")
        }
      }
    }
  }

  /// Without eps, an element that never had a gradient would be 0 / 0.
  func testAnElementWithoutGradientStaysWithoutEps() {
    forEachVariant { settings, level in
      guard let eps = settings.optimizer.hyperparameters.firstIndex(where: { $0.mayBeZeroEps })
      else { return }
      stays(Float.self, settings.with(eps, 0), level)
      stays(Double.self, settings.with(eps, 0), level)
    }
  }

  private func stays<Scalar: TestScalar>(
    _ type: Scalar.Type, _ settings: Settings, _ level: InstructionLevel
  ) {
    var state = RuleState<Scalar>(settings, parameter: ones())
    var gradient: [Scalar] = ones()
    for index in stride(from: 0, to: count, by: 3) { gradient[index] = 0 }
    for _ in 0..<2 {
      let coefficients = state.begin(lr: 0.01)
      state.update(gradient: gradient, coefficients: coefficients, level: level, .end)
    }
    for index in 0..<count {
      let moved = state.parameter[index] != 1
      XCTAssertEqual(moved, gradient[index] != 0, "\(settings), \(level), \(type) at \(index)")
      XCTAssert(state.parameter[index].isFinite, "\(settings), \(level), \(type) at \(index)")
    }
  }

  private func ones<Scalar: TestScalar>() -> [Scalar] { Array(repeating: 1, count: count) }

  private func forEachVariant(_ body: (Settings, InstructionLevel) -> Void) {
    for settings in OptimizerEntry.all.flatMap(\.variants) {
      for level in InstructionLevel.supported { body(settings, level) }
    }
  }
}

extension so_hyperparameter {
  /// Whether it is an eps that may be 0.
  fileprivate var mayBeZeroEps: Bool { String(cString: name!) == "eps" && minimum == 0 }
}
