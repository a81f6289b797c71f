import CSwiftOpt
import TestSupport
import XCTest

/// Penalties on the parameter, in the gradient, and the three ways of weight decay. Plain
/// gradient descent in float64 makes them visible.
final class PenaltyTests: XCTestCase {
  private let lr = 0.5
  private let weightDecay = 0.25
  private let parameter: [Double] = [4, -8, 0, -0.0, 100, -0.5]
  private let gradient: [Double] = [3, 1, -2, 5, -7, 0.25]

  private func makePlan(_ decay: Int, l1: Double, l2: Double, maximize: Bool = false) -> TestPlan {
    let plan = TestPlan(Settings(.named("sgd")), [TensorShape(6, dtype: SO_FLOAT64)])
    plan.setParameter(0, parameter)
    plan.setGradient(0, gradient)
    plan.groups[0].lr = lr
    (plan.groups[0].decay, plan.groups[0].weight_decay) = (Int32(decay), weightDecay)
    (plan.groups[0].l1_penalty, plan.groups[0].l2_penalty) = (l1, l2)
    plan.groups[0].maximize = maximize ? 1 : 0
    return plan
  }

  private func sign(_ value: Double) -> Double { value > 0 ? 1 : (value < 0 ? -1 : 0) }

  /// All numbers are dyadic, so these ways to the result have no roundings at all.
  func testPenaltiesAndDecays() {
    for (decay, coupled, share) in [
      (SO_DECAY_COUPLED, weightDecay, 0), (SO_DECAY_DECOUPLED, 0, lr * weightDecay),
      (SO_DECAY_INDEPENDENT, 0, weightDecay),
    ] {
      for l1 in [0, 0.125] {
        for l2 in [0, 0.0625] {
          for maximize in [false, true] {
            let plan = makePlan(decay, l1: l1, l2: l2, maximize: maximize)
            plan.run()
            let expected = zip(parameter, gradient).map { p, g in
              // Penalties pull to zero whichever way the gradient goes.
              let seen = (maximize ? -g : g) + l1 * sign(p) + (coupled + l2) * p
              return p - (lr * seen + share * p)
            }
            XCTAssertEqual(plan.parameter(0), expected, "\(decay), \(l1), \(l2), \(maximize)")
          }
        }
      }
    }
  }

  func testIndependentDecayNeedsNoLearningRate() {
    let plan = makePlan(SO_DECAY_INDEPENDENT, l1: 0, l2: 0)
    plan.groups[0].lr = 0
    plan.run()
    XCTAssertEqual(plan.parameter(0), parameter.map { $0 * 0.75 })
  }

  /// The clipped gradient and its penalty: limits come first.
  func testPenaltiesAreNotClipped() {
    let plan = makePlan(SO_DECAY_DECOUPLED, l1: 2, l2: 0.5)
    plan.groups[0].clip_value = 1
    plan.run()
    let expected = zip(parameter, gradient).map { p, g in
      p - (lr * (max(-1, min(1, g)) + 2 * sign(p) + 0.5 * p) + lr * weightDecay * p)
    }
    XCTAssertEqual(plan.parameter(0), expected)
  }

  /// Adam's first step is lr · g / (|g| + eps), with the penalty in g and AdamW's decay beside.
  func testAPenaltyGoesThroughTheRuleAndADecayDoesNot() {
    let plan = TestPlan(Settings(.named("adamw")), [TensorShape(6, dtype: SO_FLOAT64)])
    plan.setParameter(0, parameter)
    plan.setGradient(0, gradient)
    (plan.groups[0].weight_decay, plan.groups[0].l2_penalty) = (weightDecay, 0.0625)
    plan.groups[0].l1_penalty = 0.125
    plan.run()
    let expected = zip(parameter, gradient).map { p, g in
      let seen = g + 0.125 * sign(p) + 0.0625 * p
      return p - 0.01 * (seen / (seen.magnitude + 1e-8) + weightDecay * p)
    }
    assertClose(plan.parameter(0), expected, scale: 0.01)
  }

  /// In other dtypes too, to their precision.
  func testPenaltiesInOtherDtypes() {
    // No float32 here is above 64; a 16-bit result has hardly more than its own rounding.
    for (dtype, unit, scale) in [
      (SO_FLOAT32, 0x1p-24, 64), (SO_FLOAT16, 0x1p-11, 0.1), (SO_BFLOAT16, 0x1p-8, 0.1),
    ] {
      let plan = TestPlan(Settings(.named("sgd")), [TensorShape(3000, dtype: dtype)])
      let before = plan.parameter(0)
      let gradient = plan.gradient(0)
      plan.groups[0].lr = lr
      (plan.groups[0].decay, plan.groups[0].weight_decay) = (Int32(SO_DECAY_DECOUPLED), 0.1)
      (plan.groups[0].l1_penalty, plan.groups[0].l2_penalty) = (0.3, 0.7)
      plan.run()
      let expected = zip(before, gradient).map { p, g in
        p - (lr * (g + 0.3 * sign(p) + 0.7 * p) + lr * 0.1 * p)
      }
      assertClose(plan.parameter(0), expected, roundings: 4, unit: unit, scale: scale)
    }
  }
}
