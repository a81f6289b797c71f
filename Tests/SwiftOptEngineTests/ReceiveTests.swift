import CSwiftOpt
import TestSupport
import XCTest

/// Gradients that are measured before the step, as the backward pass produces them.
final class ReceiveTests: XCTestCase {
  private let shapes = [
    TensorShape(5), TensorShape(4097, dtype: SO_FLOAT64), TensorShape(0),
    TensorShape(2049, dtype: SO_BFLOAT16),
    TensorShape(2048, dtype: SO_FLOAT32).with {
      $0.hasAccumulator = true
    },
  ]

  private func makePlan(_ settings: Settings = Settings(.named("sgd"))) -> TestPlan {
    let plan = TestPlan(settings, shapes)
    plan.plan.clip_norm = 2
    XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError)
    return plan
  }

  private func receive(_ plan: TestPlan, _ tensors: [Int], line: UInt = #line) {
    for index in tensors {
      XCTAssertEqual(plan.receive(index), so_status(SO_OK), lastError, line: line)
    }
  }

  private func assertSame(_ plan: TestPlan, _ other: TestPlan, line: UInt = #line) {
    XCTAssert(haveSameBits(plan.writtenBytes, other.writtenBytes), line: line)
    XCTAssertEqual(plan.report.grad_norm, other.report.grad_norm, line: line)
    XCTAssertEqual(plan.report.clip_coefficient, other.report.clip_coefficient, line: line)
    XCTAssertEqual(plan.report.first_bad, other.report.first_bad, line: line)
  }

  /// In any order, all of them or some, with whatever needs the norms.
  func testStepsHaveTheSameBits() {
    let orders = [[4, 3, 2, 1, 0], [1], [0, 0, 4, 0], []]
    for settings in OptimizerEntry.all.flatMap(\.variants) {
      for order in orders {
        let plan = makePlan(settings)
        let other = makePlan(settings)
        for plan in [plan, other] { plan.groups[0].clip_tensor_norm = 3 }
        for _ in 0..<3 {
          receive(plan, order)
          for plan in [plan, other] { XCTAssertEqual(plan.step(), so_status(SO_OK), lastError) }
          assertSame(plan, other)
        }
      }
    }
  }

  /// What was received is really not looked at again: who breaks the promise not to change it
  /// gets the norm of before.
  func testReceivedGradientsAreNotMeasuredAgain() {
    let plan = makePlan()
    let other = makePlan()
    receive(plan, [1])
    plan.setGradient(1, Array(repeating: 0, count: 4097))
    for plan in [plan, other] { XCTAssertEqual(plan.step(), so_status(SO_OK), lastError) }
    XCTAssertEqual(plan.report.grad_norm, other.report.grad_norm)
    // And only by one step.
    other.setGradient(1, Array(repeating: 0, count: 4097))
    for plan in [plan, other] { XCTAssertEqual(plan.step(), so_status(SO_OK), lastError) }
    XCTAssertEqual(plan.report.grad_norm, other.report.grad_norm)
  }

  /// Another array, another dtype, or none.
  func testAGradientThatIsNotTheOneReceivedIsMeasuredAnew() {
    let changes: [(TestPlan) -> Void] = [
      {
        let array = $0.block(byteCount: 8 * 4097)
        $0.tensors[1].gradient = UnsafeRawPointer(array.raw)
        $0.setGradient(1, Array(repeating: 0.5, count: 4097))
      },
      { $0.tensors[1].gradient_dtype = so_dtype(SO_FLOAT32) },
      { $0.tensors[1].gradient = nil },
    ]
    for change in changes {
      let plan = makePlan()
      let other = makePlan()
      receive(plan, [0, 1])
      for plan in [plan, other] {
        change(plan)
        XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
      }
      assertSame(plan, other)
    }
  }

  func testReceivingAgainMeasuresAgain() {
    let plan = makePlan()
    let other = makePlan()
    receive(plan, [1])
    for plan in [plan, other] { plan.setGradient(1, Array(repeating: 0.25, count: 4097)) }
    receive(plan, [1])
    for plan in [plan, other] { XCTAssertEqual(plan.step(), so_status(SO_OK), lastError) }
    assertSame(plan, other)
  }

  /// What is refused replaces what came before it all the same: its caller is rid of that, and
  /// may have given the memory another content.
  func testARefusedGradientForgetsTheOneBefore() {
    let plan = makePlan()
    let other = makePlan()
    receive(plan, [0, 1])
    let gradient = plan.tensors[1].gradient
    plan.tensors[1].gradient = UnsafeRawPointer(plan.tensors[1].parameter)
    XCTAssertEqual(plan.receive(1), so_status(SO_INVALID_VALUE))
    plan.tensors[1].gradient = gradient
    for plan in [plan, other] {
      plan.setGradient(1, Array(repeating: 0.25, count: 4097))
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    }
    assertSame(plan, other)
  }

  func testAStepThatNeedsNoNormForgets() {
    let plan = makePlan()
    let other = makePlan()
    receive(plan, [1])
    for plan in [plan, other] {
      plan.plan.clip_norm = .infinity
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
      plan.plan.clip_norm = 2
      plan.setGradient(1, Array(repeating: 0.25, count: 4097))
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    }
    assertSame(plan, other)
  }

  /// It changes accumulators, one of which may have been received.
  func testAnAccumulationForgets() {
    let plan = makePlan()
    let other = makePlan()
    for (plan, receives) in [(plan, true), (other, false)] {
      for index in 0..<4 { plan.tensors[index].gradient = nil }
      let gradient = plan.tensors[4].gradient
      let accumulator = UnsafeRawPointer(plan.tensors[4].accumulator)
      if receives {
        plan.tensors[4].gradient = accumulator
        receive(plan, [4])
        plan.tensors[4].gradient = gradient
      }
      XCTAssertEqual(plan.accumulate(weight: 1), so_status(SO_OK), lastError)
      plan.tensors[4].gradient = accumulator
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    }
    assertSame(plan, other)
    XCTAssertGreaterThan(plan.report.grad_norm, 0)
  }

  /// A refused step can be made good, and what was received still counts.
  func testARefusedStepForgetsNothing() {
    let plan = makePlan()
    let other = makePlan()
    receive(plan, [1])
    plan.groups[0].lr = -1
    XCTAssertEqual(plan.step(), so_status(SO_INVALID_VALUE))
    plan.groups[0].lr = 0.01
    plan.setGradient(1, Array(repeating: 0, count: 4097))
    for plan in [plan, other] { XCTAssertEqual(plan.step(), so_status(SO_OK), lastError) }
    XCTAssertEqual(plan.report.grad_norm, other.report.grad_norm)
  }

  func testWhatIsNotFiniteIsFound() {
    let plan = makePlan()
    plan.setGradient(3, [.infinity] + Array(repeating: 1, count: 2048))
    receive(plan, [1, 3])
    let before = plan.writtenBytes
    XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    XCTAssertEqual(plan.report.outcome, Int32(SO_SKIPPED))
    XCTAssertEqual(plan.report.first_bad, 3)
    XCTAssert(haveSameBits(plan.writtenBytes, before))
  }

  func testRefusals() {
    let changed = "tensors[1]: its shape or a dtype is not that of so_plan_prepare"
    let faults = [
      Fault("tensors[1]: gradient is NULL") { $0.tensors[1].gradient = nil },
      Fault("tensors[1]: gradient_dtype is unknown", SO_INVALID_TYPE) {
        $0.tensors[1].gradient_dtype = 6
      },
      Fault("tensors[1]: gradient is not aligned to its element size") {
        $0.tensors[1].gradient = $0.tensors[1].gradient! - 4
      },
      Fault(changed) { $0.tensors[1].count = 1 },
      Fault(changed) { $0.tensors[1].units = 17 },
      Fault("plan.gradient_scale is 0; it must be finite and > 0") { $0.plan.gradient_scale = 0 },
      Fault("plan: call so_plan_prepare first") { $0.plan.workspace = nil },
    ]
    for fault in faults {
      let plan = makePlan()
      fault.change(plan)
      assertRefuses(plan, fault, "so_plan_receive") { plan.receive(1) }
    }
    let plan = makePlan()
    for index in [-1, 5, Int64.max, .min] {
      XCTAssertEqual(so_plan_receive(&plan.plan, index), so_status(SO_INVALID_VALUE))
      XCTAssert(lastError.hasPrefix("tensor is "), lastError)
      XCTAssert(lastError.hasSuffix("; it must be the index of a tensor"), lastError)
    }
  }
}
