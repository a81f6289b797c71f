import CSwiftOpt
import SwiftOptShims
import TestSupport
import XCTest

/// What the update kernel makes of a gradient before its rule sees it, against
/// `limited(scale · unit scale · g, limit) + l1 · sign(p) + penalty · p`.
final class PrepareStageTests: XCTestCase {
  private let sizes = [0, 1, 7, 9, 16, 17, 255, 513]
  private let gradientDtypes = [SO_FLOAT32, SO_FLOAT64, SO_FLOAT16, SO_BFLOAT16]

  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    for dtype in gradientDtypes {
      follows(level, Float.self, dtype)
      follows(level, Double.self, dtype)
    }
  }

  private var variants: [Preparation] {
    var variants: [Preparation] = []
    for scale in [1, -0.3] {
      for limit in [Double.infinity, 0.7] {
        for (l1, penalty) in [(0, 0), (0, 0.1), (0.2, 0), (0.2, 0.1)] {
          for unitScales in [[], [1, 0.5, 0.125]] {
            variants.append(
              Preparation(
                scale: scale, limit: limit, l1: l1, penalty: penalty, unitScales: unitScales))
          }
        }
      }
    }
    return variants
  }

  /// Every dtype but float64 is exact in float32, and that one is Swift's own conversion; the
  /// bound counts the roundings after that: coefficients, products and sums.
  private func follows<Scalar: TestScalar>(
    _ level: InstructionLevel, _ scalar: Scalar.Type, _ dtype: Int
  ) {
    var random = SplitMix64(seed: 2)
    for preparation in variants {
      for size in sizes {
        let values: [Double] = random.numbers(size, exponents: -10...3)
        let gradient = StoredNumbers.rounded(values, so_dtype(dtype))
        let parameter: [Scalar] = random.numbers(size, exponents: -10...3)
        func prepare(
          _ level: InstructionLevel, _ placement: Placement, takesSteps: Bool = false
        ) -> [Scalar] {
          preparation.run(
            gradient, dtype, parameter, level, placement, takesSteps: takesSteps)
        }
        let baseline = prepare(.baseline, .end)
        for placement in Placement.allCases {
          // Where nothing but a factor and a penalty are on, a rule's own loop has them; with
          // its steps apart, the stage before it.
          for takesSteps in placement == .end ? [false, true] : [false] {
            XCTAssert(
              haveSameBits(prepare(level, placement, takesSteps: takesSteps), baseline),
              "\(preparation), \(size), \(dtype), \(placement)")
          }
        }
        for (index, result) in baseline.enumerated() {
          let expected = preparation.expected(
            Double(Scalar(gradient[index])), Double(parameter[index]), index, size,
            Scalar.precision)
          guard expected.allows(Double(result)) else {
            return XCTFail(
              "\(preparation), element \(index) of \(size), \(dtype): \(result) is not "
                + "\(expected.value) ± \(expected.error)")
          }
        }
      }
    }
  }

  func testSpecialValuesAtEveryPosition() {
    for level in InstructionLevel.supported {
      for dtype in gradientDtypes {
        specialValues(level, Float.self, dtype)
        specialValues(level, Double.self, dtype)
      }
    }
  }

  private func specialValues<Scalar: TestScalar>(
    _ level: InstructionLevel, _ scalar: Scalar.Type, _ dtype: Int
  ) {
    let limited = Preparation(limit: 2)
    let penalised = Preparation(penalty: 0.5)
    let sparse = Preparation(l1: 0.5)
    let cases: [(gradient: Double, parameter: Scalar, Preparation, expected: Scalar)] = [
      // Not a number passes, or a step could not be seen to have gone wrong.
      (.nan, 1, limited, .nan),
      (.nan, 1, Preparation(scale: 0), .nan),
      (.infinity, 1, Preparation(), .infinity),
      (.infinity, 1, limited, 2),
      (-.infinity, 1, limited, -2),
      (.infinity, 1, Preparation(scale: -1, limit: 2), -2),
      (2, 1, limited, 2),
      (-0.0, 1, limited, -0.0),
      // Without a penalty the parameter has no part in it, whatever it is.
      (3, .infinity, Preparation(), 3),
      (3, .nan, Preparation(), 3),
      (3, .infinity, penalised, .infinity),
      (3, .nan, penalised, .nan),
      // The sign of 0 is 0, and that of what is not a number isn't one.
      (3, 0, sparse, 3),
      (3, -0.0, sparse, 3),
      (3, -.infinity, sparse, 2.5),
      (3, .leastNonzeroMagnitude, sparse, 3.5),
      (3, .nan, sparse, .nan),
      // The limit comes before the penalties: 2 + 0.5 · 8 and 2 + 0.5.
      (3, 8, Preparation(limit: 2, penalty: 0.5), 6),
      (3, 8, Preparation(limit: 2, l1: 0.5), 2.5),
      // A penalty below the least float32 is none.
      (3, .infinity, Preparation(penalty: 1e-60), Scalar.self == Float.self ? 3 : .infinity),
    ]
    for (special, parameter, preparation, expected) in cases {
      for position in 0..<35 {
        var gradients = [Double](repeating: 1, count: 35)
        var parameters = [Scalar](repeating: 0, count: 35)
        (gradients[position], parameters[position]) = (special, parameter)
        let result = preparation.run(gradients, dtype, parameters, level, .end)
        let isRight =
          expected.isNaN
          ? result[position].isNaN : haveSameBits([result[position]], [expected])
        XCTAssert(isRight, "\(special), \(parameter), \(preparation): \(result[position])")
        XCTAssertEqual(
          result.indices.filter { result[$0] != Scalar(preparation.scale) || $0 == position },
          [position])
      }
    }
  }

  func testDoubleThatOverflowsFloatIsInfiniteAndThenLimited() {
    for level in InstructionLevel.supported {
      let gradient = [1e39, -1e300, Double(Float.greatestFiniteMagnitude)]
      let zeros: [Float] = [0, 0, 0]
      XCTAssertEqual(
        Preparation().run(gradient, SO_FLOAT64, zeros, level, .end),
        [.infinity, -.infinity, .greatestFiniteMagnitude])
      XCTAssertEqual(
        Preparation(limit: 5).run(gradient, SO_FLOAT64, zeros, level, .end), [5, -5, 5])
    }
  }
}
