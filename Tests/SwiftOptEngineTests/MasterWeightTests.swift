import CSwiftOpt
import TestSupport
import XCTest

/// Parameters in 16 bits with a master in float32.
final class MasterWeightTests: XCTestCase {
  private let counts = [4097, 1, 0, 33]

  /// The master goes the way of a float32 parameter, bit by bit, and the parameter is the
  /// nearest number to it.
  func testTheMasterIsTrainedAndTheParameterFollows() {
    for format in HalfFormat.all {
      for settings in OptimizerEntry.all.flatMap(\.variants) {
        // What a master is rounded to is not a matter of chance.
        for rounding in [SO_ROUND_NEAREST, SO_ROUND_STOCHASTIC] {
          let plan = TestPlan(
            settings,
            counts.map {
              TensorShape($0, dtype: format.dtype, gradientDtype: SO_FLOAT32).with {
                ($0.hasMaster, $0.rounding) = (true, rounding)
              }
            })
          let single = TestPlan(settings, counts.map { TensorShape($0) })
          for index in counts.indices { single.setParameter(index, plan.parameter(index)) }
          for plan in [plan, single] {
            plan.groups[0].weight_decay = 0.1
            plan.run(steps: 3)
          }
          for index in counts.indices {
            XCTAssert(
              haveSameBits(plan.master(index), single.parameter(index)), "\(settings), \(index)")
            XCTAssert(
              haveSameBits(plan.parameter(index), plan.master(index).map(format.nearest)),
              "\(settings), \(index)")
          }
        }
      }
    }
  }

  /// Steps below half a unit in the last place of bfloat16 add up in the master: against the
  /// sum in float64, each float32 addition being off by half a unit in its last place.
  func testSmallStepsAreNotLost() {
    let count = 100
    let steps = 1000
    let plan = TestPlan(
      Settings(.named("sgd")),
      [
        TensorShape(count, dtype: SO_BFLOAT16, gradientDtype: SO_FLOAT32).with {
          $0.hasMaster = true
        }
      ]
    )
    plan.setParameter(0, Array(repeating: 1, count: count))
    plan.groups[0].lr = 0x1p-12
    var random = SplitMix64(seed: 21)
    var expected = plan.parameter(0)
    XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError)
    for _ in 0..<steps {
      let gradient = (0..<count).map { _ in Double(random.below(256)) / 256 }
      plan.setGradient(0, gradient)
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
      for index in 0..<count { expected[index] -= 0x1p-12 * gradient[index] }
    }
    for index in 0..<count {
      XCTAssertEqual(plan.master(0)[index], expected[index], accuracy: Double(steps) * 0x1p-25)
      XCTAssertLessThan(plan.parameter(0)[index], 0.95)
    }
  }
}
