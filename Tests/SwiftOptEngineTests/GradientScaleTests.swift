import CSwiftOpt
import TestSupport
import XCTest

/// gradient_scale: what gradients are multiplied by before anything else looks at them.
final class GradientScaleTests: XCTestCase {
  private let shapes = [
    TensorShape(5), TensorShape(2100, dtype: SO_FLOAT64), TensorShape(4097), TensorShape(0),
    TensorShape(33, dtype: SO_BFLOAT16, gradientDtype: SO_FLOAT32).with { $0.hasMaster = true },
  ]

  /// Powers of two round nothing: a loss scale leaves no trace in any bit, whatever limits are
  /// on.
  func testALossScaleLeavesNoTrace() {
    let limits: [(TestPlan) -> Void] = [
      { _ in },
      { $0.plan.clip_norm = 2 },
      { $0.groups[0].clip_tensor_norm = 0.5 },
      { $0.groups[0].clip_value = 0.1 },
      { $0.groups[0].clip_unit_ratio = 0.1 },
      { $0.groups[0].maximize = 1 },
      { ($0.groups[0].weight_decay, $0.groups[0].l1_penalty) = (0.1, 0.2) },
      { $0.groups[0].cautious = 1 },
      { $0.plan.flags = UInt32(SO_REPORT_NORM | SO_REPORT_UPDATE_NORM) },
    ]
    for optimizer in OptimizerEntry.all {
      for limit in limits {
        let plain = TestPlan(Settings(optimizer), shapes)
        let scaled = TestPlan(Settings(optimizer), shapes)
        for index in shapes.indices {
          scaled.setGradient(index, scaled.gradient(index).map { 1024 * $0 })
        }
        scaled.plan.gradient_scale = 0x1p-10
        for plan in [plain, scaled] {
          limit(plan)
          plan.run(steps: 2)
        }
        XCTAssert(haveSameBits(plain.writtenBytes, scaled.writtenBytes), optimizer.name)
        XCTAssertEqual(plain.report.grad_norm, scaled.report.grad_norm)
        XCTAssertEqual(plain.report.clip_coefficient, scaled.report.clip_coefficient)
        XCTAssertEqual(plain.report.update_norm, scaled.report.update_norm)
      }
    }
  }

  /// The mean over three samples, clipped.
  func testNormsAreOfTheScaledGradients() {
    let plan = TestPlan(Settings(.named("sgd")), [TensorShape(2, dtype: SO_FLOAT64)])
    plan.setParameter(0, [0, 0])
    plan.setGradient(0, [9, 12])
    plan.groups[0].lr = 1
    plan.plan.gradient_scale = 1.0 / 3
    plan.plan.clip_norm = 2.5
    plan.run()
    XCTAssertEqual(plan.report.grad_norm, 5, accuracy: 0x1p-50)
    XCTAssertEqual(plan.report.clip_coefficient, 0.5, accuracy: 0x1p-52)
    assertClose(plan.parameter(0), [-1.5, -2])
  }

  /// An overflow in the backward pass is one whatever the scale.
  func testWhatIsNotFiniteStaysSo() {
    let plan = TestPlan(Settings(.named("sgd")), shapes)
    plan.setGradient(0, [1, 2, .infinity, 4, 5])
    plan.plan.gradient_scale = 1e-300
    plan.plan.flags = UInt32(SO_SKIP_NONFINITE)
    plan.run()
    XCTAssertEqual(plan.report.outcome, Int32(SO_SKIPPED))
    XCTAssertEqual(plan.report.first_bad, 0)
  }

  func testItMayChangeFromStepToStep() {
    let plan = TestPlan(Settings(.named("sgd")), [TensorShape(1, dtype: SO_FLOAT64)])
    plan.setParameter(0, [0])
    plan.setGradient(0, [8])
    plan.groups[0].lr = 1
    plan.run()
    plan.plan.gradient_scale = 0.25
    XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    XCTAssertEqual(plan.parameter(0), [-10])
  }
}
