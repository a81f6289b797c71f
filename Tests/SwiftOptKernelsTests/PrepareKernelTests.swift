import CSwiftOpt
import SwiftOptShims
import TestSupport
import XCTest

/// The kernel that makes of a gradient what the rule shall see, against
/// `limited(scale · g, limit) + penalty · p`.
final class PrepareKernelTests: XCTestCase {
  private struct Numbers {
    var scale = 1.0
    var limit = Double.infinity
    var penalty = 0.0
  }

  private let sizes = [0, 1, 7, 8, 9, 15, 16, 17, 2047, 2048, 4097]

  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    follows(level, Float.self, Float.self)
    follows(level, Float.self, Double.self)
    follows(level, Double.self, Float.self)
    follows(level, Double.self, Double.self)
  }

  /// Float to double is exact, and double to float is Swift's own conversion; the bound
  /// counts the roundings after that: coefficients, two products and the sum.
  private func follows<Scalar: TestScalar, Gradient: TestScalar>(
    _ level: InstructionLevel, _ scalar: Scalar.Type, _ gradientType: Gradient.Type
  ) {
    var random = SplitMix64(seed: 2)
    for scale in [1, -1, 0.3, 0] {
      for limit in [Double.infinity, 0.7] {
        for penalty in [0, 0.1] {
          let numbers = Numbers(scale: scale, limit: limit, penalty: penalty)
          for size in sizes {
            let gradient: [Gradient] = random.numbers(size, exponents: -10...3)
            let parameter: [Scalar] = random.numbers(size, exponents: -10...3)
            let results = Placement.allCases.map {
              prepare(gradient, parameter, numbers, level, $0)
            }
            let baseline = prepare(gradient, parameter, numbers, .baseline, .end)
            XCTAssert(results.allSatisfy { haveSameBits($0, baseline) }, "\(numbers), \(size)")
            for (index, result) in baseline.enumerated() {
              let g = Bounded(exactly: Double(Scalar(gradient[index])), Scalar.precision)
              let p = Bounded(exactly: Double(parameter[index]), Scalar.precision)
              let limited = (scale * g).limited(to: limit)
              let expected = penalty == 0 ? limited : limited + penalty * p
              guard expected.allows(Double(result)) else {
                return XCTFail(
                  "\(numbers), element \(index) of \(size): \(result) is not "
                    + "\(expected.value) ± \(expected.error)")
              }
            }
          }
        }
      }
    }
  }

  func testSpecialValuesAtEveryPosition() {
    for level in InstructionLevel.supported {
      specialValues(level, Float.self, Float.self)
      specialValues(level, Float.self, Double.self)
      specialValues(level, Double.self, Float.self)
      specialValues(level, Double.self, Double.self)
    }
  }

  private func specialValues<Scalar: TestScalar, Gradient: TestScalar>(
    _ level: InstructionLevel, _ scalar: Scalar.Type, _ gradientType: Gradient.Type
  ) {
    let limited = Numbers(limit: 2)
    let penalised = Numbers(penalty: 0.5)
    let cases: [(gradient: Gradient, parameter: Scalar, Numbers, expected: Scalar)] = [
      // Not a number passes, or a step could not be seen to have gone wrong.
      (.nan, 1, limited, .nan),
      (.nan, 1, Numbers(scale: 0), .nan),
      (.infinity, 1, Numbers(), .infinity),
      (.infinity, 1, limited, 2),
      (-.infinity, 1, limited, -2),
      (.infinity, 1, Numbers(scale: -1, limit: 2), -2),
      (2, 1, limited, 2),
      (-0.0, 1, limited, -0.0),
      // Without a penalty the parameter has no part in it, whatever it is.
      (3, .infinity, Numbers(), 3),
      (3, .nan, Numbers(), 3),
      (3, .infinity, penalised, .infinity),
      (3, .nan, penalised, .nan),
      // The limit comes before the penalty: 2 + 0.5 · 8.
      (3, 8, Numbers(limit: 2, penalty: 0.5), 6),
      // A penalty below the least float32 is none.
      (3, .infinity, Numbers(penalty: 1e-60), Scalar.self == Float.self ? 3 : .infinity),
    ]
    for (special, parameter, numbers, expected) in cases {
      for position in 0..<35 {
        var gradients = [Gradient](repeating: 1, count: 35)
        var parameters = [Scalar](repeating: 0, count: 35)
        (gradients[position], parameters[position]) = (special, parameter)
        let result = prepare(gradients, parameters, numbers, level, .end)
        let isRight =
          expected.isNaN
          ? result[position].isNaN : haveSameBits([result[position]], [expected])
        XCTAssert(isRight, "\(special), \(parameter), \(numbers): \(result[position])")
        XCTAssertEqual(
          result.indices.filter { result[$0] != Scalar(numbers.scale) || $0 == position },
          [position])
      }
    }
  }

  func testDoubleThatOverflowsFloatIsInfiniteAndThenLimited() {
    for level in InstructionLevel.supported {
      let gradient = [1e39, -1e300, Double(Float.greatestFiniteMagnitude)]
      let zeros: [Float] = [0, 0, 0]
      XCTAssertEqual(
        prepare(gradient, zeros, Numbers(), level, .end),
        [.infinity, -.infinity, .greatestFiniteMagnitude])
      XCTAssertEqual(prepare(gradient, zeros, Numbers(limit: 5), level, .end), [5, -5, 5])
    }
  }

  private func prepare<Scalar: TestScalar, Gradient: TestScalar>(
    _ gradient: [Gradient], _ parameter: [Scalar], _ numbers: Numbers, _ level: InstructionLevel,
    _ placement: Placement
  ) -> [Scalar] {
    let gradients = GuardedBuffer(gradient, placement)
    let parameters = GuardedBuffer(parameter, placement)
    let out = GuardedBuffer<Scalar>(repeating: .nan, count: gradient.count, placement)
    var tile = so_prepare(
      dtype: Scalar.dtype, gradient_dtype: Gradient.dtype, gradient: gradients.raw,
      parameter: parameters.raw, out: out.raw, count: Int64(gradient.count),
      scale: numbers.scale, clip_value: numbers.limit, penalty: numbers.penalty)
    level.kernels.prepare!(&tile)
    XCTAssert(haveSameBits(gradients.elements, gradient), "a kernel changed a gradient")
    XCTAssert(haveSameBits(parameters.elements, parameter), "prepare changed a parameter")
    return out.elements
  }
}
