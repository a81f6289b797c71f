import CSwiftOpt
import TestSupport
import XCTest

/// 16-bit parameters whose lost parts are kept (Kahan 1965, "Further remarks on reducing
/// truncation errors").
final class KahanTests: XCTestCase {
  /// lr, so that no step reaches half the spacing of numbers around 1.
  private let cases = [(HalfFormat.float16, 0x1p-15), (HalfFormat.bfloat16, 0x1p-12)]
  private let count = 513

  private func makePlan(_ format: HalfFormat, _ lr: Double, hasCompensation: Bool) -> TestPlan {
    let plan = TestPlan(
      Settings(.named("sgd")),
      [
        TensorShape(count, dtype: format.dtype, gradientDtype: SO_FLOAT32).with {
          $0.hasCompensation = hasCompensation
        }
      ])
    plan.setParameter(0, Array(repeating: 1, count: count))
    plan.groups[0].lr = lr
    return plan
  }

  /// Parameter and compensation together stay near the path in float64; alone, rounded to the
  /// nearest, the parameter never moves.
  func testStepsAddUpThatTheNearestWouldLose() {
    let steps = 1000
    for (format, lr) in cases {
      let kahan = makePlan(format, lr, hasCompensation: true)
      let nearest = makePlan(format, lr, hasCompensation: false)
      for plan in [kahan, nearest] { XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError) }
      var random = SplitMix64(seed: 22)
      var exact = [Double](repeating: 1, count: count)
      for _ in 0..<steps {
        let gradient = (0..<count).map { _ in Double(random.below(256)) / 256 }
        for plan in [kahan, nearest] {
          plan.setGradient(0, gradient)
          XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
        }
        for index in 0..<count { exact[index] -= lr * gradient[index] }
      }
      // Parameters are in ½ ... 1. The compensation is at most half their spacing and a step,
      // and each time rounded by at most half a unit in its last place: 2⁻⁸ or 2⁻¹¹ of it,
      // which is the spacing too.
      let spacing = format.spacing(at: 0.5)
      let bound = Double(steps) * (spacing / 2 + lr) * spacing
      for index in 0..<count {
        let parameter = kahan.parameter(0)[index]
        XCTAssertEqual(parameter + kahan.compensation(0)[index], exact[index], accuracy: bound)
        XCTAssertEqual(parameter, exact[index], accuracy: bound + spacing / 2 + lr)
        XCTAssertEqual(nearest.parameter(0)[index], 1)
        XCTAssertGreaterThan(1 - exact[index], 10 * bound, "the bound says nothing")
      }
    }
  }

  /// The algorithm itself, in the computation's float32 and with the language's roundings.
  func testEveryBitIsThatOfTheAlgorithm() {
    for format in HalfFormat.all {
      let plan = makePlan(format, 0.01, hasCompensation: true)
      plan.groups[0].weight_decay = 0.25
      plan.groups[0].decay = Int32(SO_DECAY_DECOUPLED)
      var random = SplitMix64(seed: 23)
      var parameter = StoredNumbers.rounded(
        random.numbers(count, exponents: -6...3), so_dtype(format.dtype))
      plan.setParameter(0, parameter)
      var compensation = [Double](repeating: 0, count: count)
      XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError)
      for _ in 0..<20 {
        let gradient: [Float] = random.numbers(count, exponents: -8...3)
        plan.setGradient(0, gradient.map(Double.init))
        XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
        for index in 0..<count {
          let p = Float(parameter[index])
          let step = Float(0.01) * gradient[index] + Float(0.01 * 0.25) * p
          let c = Float(compensation[index]) - step
          let new = Float(format.nearest(Double(p + c)))
          parameter[index] = Double(new)
          compensation[index] = format.nearest(Double(c + (p - new)))
        }
        XCTAssert(haveSameBits(plan.parameter(0), parameter))
        XCTAssertEqual(plan.compensation(0), compensation)
      }
    }
  }
}
