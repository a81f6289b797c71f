import CSwiftOpt
import TestSupport
import XCTest

/// What a gradient goes through before the rule, in the order that the contract gives.
/// Plain gradient descent with lr = 1 in float64 makes it visible in the parameters.
final class PipelineTests: XCTestCase {
  private func makePlan(_ gradients: [[Double]], groupCount: Int = 1) -> TestPlan {
    let plan = TestPlan(
      Settings(.named("sgd")),
      gradients.enumerated().map { index, gradient in
        TensorShape(gradient.count, dtype: SO_FLOAT64, group: index % groupCount)
      },
      groupCount: groupCount)
    for (index, gradient) in gradients.enumerated() {
      plan.setGradient(index, gradient)
      plan.setParameter(index, gradient.map { _ in 0 })
    }
    for index in 0..<groupCount { plan.groups[index].lr = 1 }
    return plan
  }

  func testEverythingAtOnceInItsOrder() {
    let plan = makePlan([[6, 8], [5, 12]])
    plan.setParameter(0, [100, -200])
    // Each tensor's norm, 10 and 13, to at most 10: the second becomes 10/13 of itself.
    plan.groups[0].clip_tensor_norm = 10
    // The norm over both, √200, to half of that.
    plan.plan.clip_norm = 200.0.squareRoot() / 2
    // Then 3.5 for the elements, up the gradient, and a penalty of a tenth.
    plan.groups[0].clip_value = 3.5
    plan.groups[0].maximize = 1
    plan.groups[0].weight_decay = 0.1
    plan.run()
    XCTAssertEqual(plan.report.grad_norm, 269.0.squareRoot())
    XCTAssertEqual(plan.report.clip_coefficient, 0.5, accuracy: 0x1p-52)
    let half = 0.5 * 10.0 / 13
    assertClose(plan.parameter(0), [100 + 3 - 10, -200 + 3.5 + 20])
    assertClose(plan.parameter(1), [5 * half, 3.5])
  }

  func testTheGlobalNormIsThatAfterTheTensorsOwnLimits() {
    let plan = makePlan([[30, 40], [3, 4]], groupCount: 2)
    plan.groups[0].clip_tensor_norm = 5
    plan.plan.clip_norm = 50.0.squareRoot()
    plan.run()
    XCTAssertEqual(plan.report.clip_coefficient, 1)
    assertClose(plan.parameter(0), [-3, -4])
    assertClose(plan.parameter(1), [-3, -4])
  }

  func testANormWithinItsLimitChangesNoBit() {
    let plan = makePlan([[3, 4]])
    plan.plan.clip_norm = 5
    plan.groups[0].clip_tensor_norm = 5
    plan.run()
    XCTAssertEqual(plan.report.clip_coefficient, 1)
    XCTAssertEqual(plan.parameter(0), [-3, -4])
  }

  func testGroupsHaveTheirOwnLimits() {
    let plan = makePlan([[3, 4], [3, 4], [3, 4]], groupCount: 3)
    plan.groups[0].clip_tensor_norm = 2.5
    plan.groups[1].clip_value = 3.5
    plan.groups[2].maximize = 1
    plan.run()
    XCTAssertEqual(plan.parameter(0), [-1.5, -2])
    XCTAssertEqual(plan.parameter(1), [-3, -3.5])
    XCTAssertEqual(plan.parameter(2), [3, 4])
  }

  func testLimitsAndDirectionsMayChangeFromStepToStep() {
    let plan = makePlan([[3, 4]])
    plan.plan.clip_norm = 2.5
    plan.run()
    plan.plan.clip_norm = .infinity
    plan.groups[0].maximize = 1
    XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    plan.groups[0].maximize = 0
    plan.groups[0].weight_decay = 0.5
    XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    // -1.5 and -2; then up by 3 and 4; then down by those and by half of what there is.
    XCTAssertEqual(plan.parameter(0), [-1.5 + 3 - (3 + 0.75), -2 + 4 - (4 + 1)])
  }

  /// Decoupled decay leaves the gradient alone: with a gradient of 0, AdamW only decays.
  func testDecoupledDecayIsBesideTheRule() {
    let plan = TestPlan(Settings(.named("adamw")), [TensorShape(2, dtype: SO_FLOAT64)])
    plan.setParameter(0, [1, -8])
    plan.setGradient(0, [0, 0])
    (plan.groups[0].lr, plan.groups[0].weight_decay) = (0.5, 0.25)
    plan.run()
    XCTAssertEqual(plan.parameter(0), [1 - 0.125, -8 + 1])
  }

  /// A penalty with an infinite parameter, which without one has no part in the gradient.
  func testCoupledDecayOfAdamGoesThroughTheRule() {
    let plan = TestPlan(Settings(.named("adam")), [TensorShape(2, dtype: SO_FLOAT64)])
    plan.setParameter(0, [1, -8])
    plan.setGradient(0, [0, 0])
    (plan.groups[0].lr, plan.groups[0].weight_decay) = (0.5, 0.25)
    plan.run()
    // Adam's first step is lr · g / (|g| + eps), here with g = p / 4.
    assertClose(plan.parameter(0), [1 - 0.5 * 0.25 / (0.25 + 1e-8), -8 + 0.5 * 2 / (2 + 1e-8)])
  }
}
