import CSwiftOpt
import SwiftOptShims
import TestSupport
import XCTest

/// The sums of squares behind every gradient norm, and the search for what is not finite.
final class SquareSumTests: XCTestCase {
  private let sizes = Array(0...70) + [2047, 2048, 4097]

  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    sums(level, Float.self, Float.self)
    sums(level, Float.self, Double.self)
    sums(level, Double.self, Float.self)
    sums(level, Double.self, Double.self)
    for dtype in [SO_FLOAT16, SO_BFLOAT16] {
      halfSums(level, Float.self, dtype)
      halfSums(level, Double.self, dtype)
    }
  }

  /// 16-bit gradients are widened 256 elements at a time, and the sums of those added up in
  /// their order. Each is exact in both computations.
  private func halfSums<Scalar: TestScalar>(
    _ level: InstructionLevel, _ scalar: Scalar.Type, _ dtype: Int
  ) {
    var random = SplitMix64(seed: 8)
    for size in sizes {
      let numbers: [Double] = random.numbers(size, exponents: -20...10)
      for placement in Placement.allCases {
        let gradient = GuardedNumbers(numbers, dtype, placement)
        let values = gradient.values
        let expected = stride(from: 0, to: size, by: 256).reduce(0.0) {
          $0 + inThirtyTwoLanes(Array(values[$1..<min($1 + 256, size)]))
        }
        let result = level.kernels.square_sum!(
          Scalar.dtype, so_dtype(dtype), gradient.raw, Int64(size))
        XCTAssertEqual(result.sum, expected, "\(size) elements, \(dtype), \(placement)")
        XCTAssertEqual(result.is_finite, 1)
      }
    }
  }

  func testHalvesThatAreNotFiniteAreFoundAtEveryPosition() {
    for level in InstructionLevel.supported {
      for dtype in [SO_FLOAT16, SO_BFLOAT16] {
        for value in [Double.infinity, -.infinity, .nan] {
          for position in 0..<300 {
            var numbers = [Double](repeating: -1, count: 300)
            numbers[position] = value
            let gradient = GuardedNumbers(numbers, dtype, .end)
            for scalar in [SO_FLOAT32, SO_FLOAT64] {
              let result = level.kernels.square_sum!(
                so_dtype(scalar), so_dtype(dtype), gradient.raw, 300)
              XCTAssertEqual(result.is_finite, 0, "\(value) at \(position), \(level)")
            }
          }
        }
      }
    }
  }

  private func sums<Scalar: TestScalar, Gradient: TestScalar>(
    _ level: InstructionLevel, _ scalar: Scalar.Type, _ gradientType: Gradient.Type
  ) {
    var random = SplitMix64(seed: 3)
    for size in sizes {
      // Small whole numbers: every partial sum in every order is exact.
      let whole = (0..<size).map { _ in Gradient(random.below(33) - 16) }
      let exact = whole.reduce(0.0) { $0 + Double($1) * Double($1) }
      for placement in Placement.allCases {
        let result = squareSum(whole, Scalar.self, level, placement)
        XCTAssertEqual(result.sum, exact, "\(size) elements, \(placement)")
        XCTAssertEqual(result.is_finite, 1, "\(size) elements, \(placement)")
      }

      let gradient: [Gradient] = random.numbers(size, exponents: -20...20)
      // As the rule will see it.
      let values = gradient.map { Double(Scalar($0)) }
      let result = squareSum(gradient, Scalar.self, level, .end)
      XCTAssertEqual(result.sum, inThirtyTwoLanes(values), "\(size) elements")

      // n positive terms: each is rounded once, then by the additions of its lane and by
      // five levels of the tree (Higham 2002, equation 4.4, to first order).
      let roundings = Double(1 + (size + 31) / 32 + 5)
      let judge = accurateSquareSum(values)
      XCTAssertLessThanOrEqual(
        (result.sum - judge).magnitude, roundings * 0x1p-53 * judge, "\(size) elements")
    }
  }

  /// Lane i of 32 takes elements i, i + 32, …; then a tree. This order is part of what the
  /// library promises: the same bits on every machine and in every version.
  private func inThirtyTwoLanes(_ values: [Double]) -> Double {
    var lanes = [Double](repeating: 0, count: 32)
    for (index, value) in values.enumerated() { lanes[index % 32] += value * value }
    func pairs(_ values: [Double], apart distance: Int) -> [Double] {
      values.indices.filter { $0 % (2 * distance) < distance }.map {
        values[$0] + values[$0 + distance]
      }
    }
    let eight = pairs(pairs(lanes, apart: 8), apart: 8)
    return pairs(pairs(pairs(eight, apart: 4), apart: 2), apart: 1)[0]
  }

  func testWhatIsNotFiniteIsFoundAtEveryPosition() {
    for level in InstructionLevel.supported {
      finds(level, Float.self, Float.self)
      finds(level, Float.self, Double.self)
      finds(level, Double.self, Float.self)
      finds(level, Double.self, Double.self)
    }
  }

  private func finds<Scalar: TestScalar, Gradient: TestScalar>(
    _ level: InstructionLevel, _ scalar: Scalar.Type, _ gradientType: Gradient.Type
  ) {
    let bad: [Gradient] = [.infinity, -.infinity, .nan, -.nan]
    for size in [1, 8, 16, 31, 32, 33, 63, 64, 100] {
      for position in 0..<size {
        var gradient = [Gradient](repeating: -1, count: size)
        for value in bad {
          gradient[position] = value
          let result = squareSum(gradient, Scalar.self, level, .end)
          XCTAssertEqual(result.is_finite, 0, "\(value) at \(position) of \(size), \(level)")
        }
      }
    }
  }

  /// The sum of their squares overflows; they are finite all the same.
  func testHugeNumbersAreFinite() {
    for level in InstructionLevel.supported {
      for size in [1, 33, 2048] {
        let doubles = [Double](repeating: -.greatestFiniteMagnitude, count: size)
        let huge = squareSum(doubles, Double.self, level, .end)
        XCTAssertEqual(huge.sum, .infinity)
        XCTAssertEqual(huge.is_finite, 1)

        let floats = [Float](repeating: .greatestFiniteMagnitude, count: size)
        let large = squareSum(floats, Float.self, level, .end)
        XCTAssertEqual(large.sum, inThirtyTwoLanes(floats.map(Double.init)))
        XCTAssertEqual(large.is_finite, 1)
      }
    }
  }

  /// A float64 gradient counts as its float32 parameter will see it. Half an ULP above the
  /// greatest float32 is the first number that rounds to infinity.
  func testDoublesThatOverflowFloatAreNotFinite() {
    let greatest = Double(Float.greatestFiniteMagnitude)
    let first = 0x1.ffffffp127
    for level in InstructionLevel.supported {
      for position in [0, 31, 32, 40] {
        for (value, isFinite) in [
          (greatest, 1), (first.nextDown, 1), (-first.nextDown, 1), (first, 0), (-first, 0),
          (1e39, 0), (-.greatestFiniteMagnitude, 0),
        ] {
          var gradient = [Double](repeating: 1, count: 41)
          gradient[position] = value
          let asFloat = squareSum(gradient, Float.self, level, .end)
          XCTAssertEqual(asFloat.is_finite, Int32(isFinite), "\(value) at \(position)")
          if isFinite == 1 {
            XCTAssertEqual(asFloat.sum, inThirtyTwoLanes(gradient.map { Double(Float($0)) }))
          }
          XCTAssertEqual(squareSum(gradient, Double.self, level, .end).is_finite, 1)
        }
      }
    }
  }

  private func squareSum<Scalar: TestScalar, Gradient: TestScalar>(
    _ gradient: [Gradient], _ scalar: Scalar.Type, _ level: InstructionLevel,
    _ placement: Placement
  ) -> so_square_sum {
    let buffer = GuardedBuffer(gradient, placement)
    return withExtendedLifetime(buffer) {
      level.kernels.square_sum!(Scalar.dtype, Gradient.dtype, buffer.raw, Int64(gradient.count))
    }
  }
}
