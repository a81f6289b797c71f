import CSwiftOpt
import TestSupport
import XCTest

/// 16-bit parameters that are rounded up or down by chance.
final class StochasticParameterTests: XCTestCase {
  private let count = 20_000

  private func makePlan(_ format: HalfFormat, _ lr: Double, isStochastic: Bool = true) -> TestPlan {
    let plan = TestPlan(
      Settings(.named("sgd")),
      [
        TensorShape(count, dtype: format.dtype, gradientDtype: SO_FLOAT32).with {
          $0.rounding = isStochastic ? SO_ROUND_STOCHASTIC : SO_ROUND_NEAREST
        }
      ])
    plan.setParameter(0, Array(repeating: 1, count: count))
    plan.setGradient(0, Array(repeating: 1, count: count))
    plan.groups[0].lr = lr
    return plan
  }

  /// An eighth of the way from 1 to the next number below: an eighth of the elements goes there.
  func testTheChanceIsTheShareOfTheWay() {
    for format in HalfFormat.all {
      let spacing = format.spacing(at: 0.5)
      let plan = makePlan(format, spacing / 8)
      plan.run()
      let parameter = plan.parameter(0)
      XCTAssertEqual(Set(parameter), [1, 1 - spacing])
      // Six standard deviations of a binomial distribution; one of these fails in 10^9.
      let moved = parameter.filter { $0 != 1 }.count
      let deviation = (Double(count) / 8 * 7 / 8).squareRoot()
      XCTAssertEqual(Double(moved), Double(count) / 8, accuracy: 6 * deviation)
    }
  }

  /// One of the two neighbours of what the step makes of the parameter; the very number where
  /// it is one.
  func testResultsAreNeighbours() {
    for format in HalfFormat.all {
      let plan = makePlan(format, 0.125)
      var random = SplitMix64(seed: 31)
      plan.setParameter(0, random.numbers(count, exponents: -6...3))
      plan.setGradient(0, random.numbers(count, exponents: -9...3))
      let before = plan.parameter(0)
      let gradient = plan.gradient(0)
      plan.run()
      for (index, result) in plan.parameter(0).enumerated() {
        let exact = Double(Float(before[index]) - Float(0.125 * gradient[index]))
        XCTAssertEqual(result, format.nearest(result))
        XCTAssertLessThan((result - exact).magnitude, format.spacing(at: exact), "\(exact)")
        if exact == format.nearest(exact) { XCTAssertEqual(result, exact) }
      }
    }
  }

  /// Steps that the nearest would lose move the mean as they move a float64 parameter.
  func testTheMeanFollowsTheExactPath() {
    let steps = 400
    for format in HalfFormat.all {
      let spacing = format.spacing(at: 0.5)
      let plan = makePlan(format, spacing / 16)
      let nearest = makePlan(format, spacing / 16, isStochastic: false)
      plan.run(steps: steps)
      nearest.run(steps: steps)
      XCTAssertEqual(Set(nearest.parameter(0)), [1])
      let mean = plan.parameter(0).reduce(0, +) / Double(count)
      // A rounding's variance is at most a quarter of the spacing squared.
      let deviation = spacing / 2 * (Double(steps) / Double(count)).squareRoot()
      XCTAssertEqual(mean, 1 - Double(steps) * spacing / 16, accuracy: 6 * deviation)
    }
  }

  /// Random numbers are a function of seed, key, update and element, and of nothing else.
  func testChanceIsRepeatable() {
    func bits(_ change: (TestPlan) -> Void = { _ in }) -> [Double] {
      let plan = makePlan(.bfloat16, 0x1p-9)
      change(plan)
      plan.run(steps: 2)
      return plan.parameter(0)
    }
    let first = bits()
    XCTAssertEqual(bits(), first)
    XCTAssertNotEqual(bits { $0.plan.seed = 1 }, first)
    XCTAssertNotEqual(bits { $0.tensors[0].key += 1 }, first)
    XCTAssertNotEqual(bits { $0.tensors[0].scalars![0] = 1 }, first)
  }
}
