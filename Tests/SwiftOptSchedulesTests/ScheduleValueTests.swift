import Foundation
import XCTest

/// Values against the definitions, evaluated with Foundation's functions.
///
/// Tolerance: 4 epsilon of the largest value is what the library promises; the
/// reference formula in doubles has up to 4 roundings of its own.
final class ScheduleValueTests: XCTestCase {
  private func check(
    _ program: [Double], peak: Double, steps: [Double], line: UInt = #line,
    definition: (Double) -> Double
  ) {
    for step in steps {
      guard let result = value(program, at: step) else {
        return XCTFail("refused: \(refusal(of: program) ?? "")", line: line)
      }
      XCTAssertEqual(
        result, definition(step), accuracy: 8 * epsilon * peak, "step \(step)", line: line)
    }
  }

  private let steps: [Double] =
    [0, 0.5, 1, 2, 3, 7, 29, 30, 31, 59, 60, 99, 100, 101, 499, 500, 501, 999, 1_000, 1_001]
    + [9_999, 10_000, 123_456, 9_999_999, 10_000_000, 1e15, 1e300]

  func testConstant() {
    check(Program.constant(0.1), peak: 0.1, steps: steps) { _ in 0.1 }
  }

  func testStepDecay() {
    check(Program.stepDecay(0.1, stepSize: 30, gamma: 0.1), peak: 0.1, steps: steps) {
      0.1 * pow(0.1, floor($0 / 30))
    }
  }

  func testStepDecayFromTheFieldsUsualExample() {
    // He et al. 2016: 0.1, divided by 10 every 30 epochs.
    let program = Program.stepDecay(0.1, stepSize: 30, gamma: 0.1)
    XCTAssertEqual(value(program, at: 29), 0.1)
    XCTAssertEqual(value(program, at: 30), 0.1 * 0.1)
    XCTAssertEqual(value(program, at: 60)!, 0.001, accuracy: 0.001 * epsilon)
  }

  func testPiecewiseConstantChangesAtTheBoundary() {
    let program = Program.piecewiseConstant([1, 0.5, 0.25], boundaries: [10, 20])
    for (step, expected) in [(0.0, 1.0), (9, 1), (10, 0.5), (19, 0.5), (20, 0.25), (1e9, 0.25)] {
      XCTAssertEqual(value(program, at: step), expected)
    }
    XCTAssertEqual(value(Program.piecewiseConstant([3], boundaries: []), at: 5), 3)
  }

  func testExponential() {
    for gamma in [0, 0.5, 0.9, 0.999, 0.999_999_9, 1] {
      check(Program.exponential(0.1, gamma: gamma), peak: 0.1, steps: steps) {
        0.1 * pow(gamma, $0)
      }
    }
  }

  func testExponentialGrowthIsRelativelyAccurate() {
    for gamma in [1.000_001, 1.01, 2, 10] {
      for step in steps {
        let expected = pow(gamma, step)
        guard expected.isFinite else {
          XCTAssertEqual(value(Program.exponential(1, gamma: gamma), at: step), .infinity)
          continue
        }
        // Both powers are good to one ULP.
        XCTAssertEqual(
          value(Program.exponential(1, gamma: gamma), at: step)!, expected,
          accuracy: 2 * expected.ulp)
      }
    }
  }

  func testExactPowersAreExact() {
    // Powers that are doubles themselves, by integer arithmetic.
    for (gamma, step, expected) in [
      (3, 30, 205_891_132_094_649), (10, 15, 1e15), (7, 17, 232_630_513_987_207),
      (0.5, 1_022, 0x1p-1022), (2, 1_023, 0x1p1023), (4, 0.5, 2), (1.5, 3, 3.375),
      (0x1p-1074, 1, 0x1p-1074), (0x1p-1074, 0.5, 0x1p-537), (5, 0, 1), (0, 0, 1), (0, 3, 0),
    ] {
      XCTAssertEqual(value(Program.exponential(1, gamma: gamma), at: step), expected)
    }
  }

  func testPowersAtTheEndsOfTheRange() {
    XCTAssertEqual(value(Program.exponential(1, gamma: 2), at: 1_024), .infinity)
    XCTAssertEqual(value(Program.exponential(1, gamma: 0.5), at: 1_074), 0x1p-1074)
    XCTAssertEqual(value(Program.exponential(1, gamma: 0.5), at: 1_076), 0)
    XCTAssertEqual(value(Program.exponential(1, gamma: 0.999), at: 1e300), 0)
    XCTAssertEqual(value(Program.exponential(1, gamma: 1.001), at: 1e300), .infinity)
    XCTAssertEqual(value(Program.exponential(1, gamma: 1), at: 1e300), 1)
  }

  func testPolynomial() {
    for (initial, final) in [(0.1, 0), (0.1, 0.001), (-1, 2), (0.3, 0.3)] {
      for total in [1.0, 100, 1_000, 1e7] {
        for power in [0.5, 1, 1.5, 2, 3, 10] {
          check(
            Program.polynomial(initial, final, total: total, power: power),
            peak: max(abs(initial), abs(final)), steps: steps
          ) { n in
            n >= total ? final : final + (initial - final) * pow((total - n) / total, power)
          }
        }
      }
    }
  }

  func testCosine() {
    for (initial, final) in [(0.1, 0), (0.1, 0.001), (-1, 2), (0.3, 0.3)] {
      for total in [1.0, 100, 1_000, 1e7] {
        check(
          Program.cosine(initial, final, total: total),
          peak: max(abs(initial), abs(final)), steps: steps
        ) { n in
          n >= total ? final : final + (initial - final) * (1 + cos(Double.pi * n / total)) / 2
        }
      }
    }
  }

  func testCosineKeepsItsDigitsNearTheEnd() {
    // One update before the end the weight is sin²(π / 2e7): x² to 15 digits.
    let x = Double.pi / 2e7
    let result = value(Program.cosine(1, 0, total: 1e7), at: 9_999_999)!
    XCTAssertEqual(result, x * x * (1 - x * x / 3), accuracy: 4 * (x * x).ulp)
  }

  func testWarmup() {
    for (start, peak) in [(0, 0.1), (0.01, 0.1), (1, -1)] {
      for warmup in [0.0, 1, 500, 999.5, 1e7] {
        check(
          Program.warmup(start, peak, warmup: warmup),
          peak: max(abs(start), abs(peak)), steps: steps
        ) { n in n < warmup ? start + (peak - start) * n / warmup : peak }
      }
    }
  }

  func testEndsAreExactAndNothingIsBeyondThem() {
    // Ends whose difference is rounded, so that start + (end - start) misses the end.
    let ends = [0.1, 0.3, 1e-3, 0.7, -0.1, 1e300, -1e300, 0]
    for a in ends {
      for b in ends {
        for program in [
          Program.cosine(a, b, total: 997), Program.warmup(a, b, warmup: 997),
          Program.polynomial(a, b, total: 997, power: 1),
          Program.polynomial(a, b, total: 997, power: 1.3),
        ] {
          XCTAssertEqual(value(program, at: 0), a)
          XCTAssertEqual(value(program, at: 997), b)
          XCTAssertEqual(value(program, at: 1e9), b)
          for step in 1..<997 {
            let between = value(program, at: Double(step))!
            XCTAssert(between >= min(a, b) && between <= max(a, b), "\(program) at \(step)")
          }
        }
      }
    }
  }

  func testHandOver() {
    let program = Program.then(
      Program.warmup(0, 0.1, warmup: 500), Program.cosine(0.1, 0, total: 9_500), at: 500)
    XCTAssertEqual(value(program, at: 0), 0)
    XCTAssertEqual(value(program, at: 250)!, 0.05, accuracy: 0.05 * epsilon)
    XCTAssertLessThan(value(program, at: 499)!, 0.1)
    XCTAssertEqual(value(program, at: 500), 0.1)
    XCTAssertLessThan(value(program, at: 501)!, 0.1)
    XCTAssertEqual(value(program, at: 5_250)!, 0.05, accuracy: 0.05 * 4 * epsilon)
    XCTAssertEqual(value(program, at: 10_000), 0)
  }

  func testSumsProductsAndNesting() {
    let line = Program.polynomial(1, 0, total: 4, power: 1)
    let drop = Program.piecewiseConstant([2, 8], boundaries: [2])
    XCTAssertEqual(value(Program.add(line, drop), at: 1), 2.75)
    XCTAssertEqual(value(Program.multiply(line, drop), at: 3), 2)
    let early = Program.add(Program.then(drop, line, at: 3), Program.constant(1))
    let late = Program.then(Program.multiply(line, line), early, at: 2)
    // At 5 `late` is early(3), which is line(0) + 1.
    for (step, expected) in [
      (0.0, 1.0), (1, 0.5625), (2, 3), (3, 3), (4, 9), (5, 2), (6, 1.75),
    ] {
      XCTAssertEqual(value(late, at: step), expected, "step \(step)")
    }
  }

  func testManyStepsHaveTheBitsOfOne() {
    let line = Program.polynomial(1, 0, total: 400, power: 0.9)
    let restarts = Program.cosineRestarts(1, 0, period: 10, factor: 1.5, decay: 0.9)
    let program = Program.then(
      Program.multiply(line, restarts), Program.repeat(line, every: 70, times: 3), at: 300)
    // Neighbours on both sides of the hand-over, in blocks that the least memory allows.
    let steps = (0..<2_000).map { Double(($0 * 7_919) % 1_000) }
    let together = values(program, at: steps)!
    for (step, result) in zip(steps, together) {
      XCTAssertEqual(value(program, at: step)!.bitPattern, result.bitPattern, "step \(step)")
    }
  }

  func testRestartsBeginExactlyAtTheirBorders() {
    for factor in [1.0, 2, 1.5, 3] {
      var (border, length, peak) = (0.0, 8.0, 1.0)
      for _ in 0..<20 {
        let program = Program.cosineRestarts(1, 0, period: 8, factor: factor, decay: 0.5)
        XCTAssertEqual(value(program, at: border), peak)
        if border > 0 { XCTAssertLessThan(value(program, at: border.nextDown)!, 1e-12) }
        (border, length, peak) = (border + length, length * factor, peak / 2)
      }
    }
  }
}
