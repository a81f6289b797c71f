import CSwiftOpt
import TestSupport
import XCTest

/// The norm of what a step changes.
final class UpdateNormTests: XCTestCase {
  private let counts = [5, 0, 4097, 2048, 3]

  private func makePlan(_ settings: Settings, _ dtype: Int, asks: Bool = true) -> TestPlan {
    let plan = TestPlan(
      settings, counts.enumerated().map { TensorShape($1, dtype: dtype, group: $0 % 2) },
      groupCount: 2)
    plan.groups[1].weight_decay = 0.5
    plan.tensors[3].gradient = nil
    plan.plan.flags = asks ? UInt32(SO_REPORT_UPDATE_NORM) : 0
    return plan
  }

  func testItIsThatOfNewMinusOldParameters() {
    for settings in OptimizerEntry.all.flatMap(\.variants) {
      for cautious: Int32 in [0, 1] {
        let plan = makePlan(settings, SO_FLOAT64)
        plan.groups[0].cautious = cautious
        XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError)
        for _ in 0..<3 {
          let before = counts.indices.flatMap(plan.parameter)
          XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
          let after = counts.indices.flatMap(plan.parameter)
          let expected = norm(zip(after, before).map { $0 - $1 })
          // A parameter below 16 is rounded to half of 2^-49 when its step is subtracted, and
          // differences of a vector change its norm by no more than their own norm.
          let rounding = 0x1p-50 * Double(after.count).squareRoot()
          XCTAssertEqual(
            plan.report.update_norm, expected, accuracy: rounding + expected * 0x1p-45,
            "\(settings)")
          XCTAssertGreaterThan(expected, 0)
        }
        let needsNorms = settings.optimizer.description.kind == SO_TRUST_GRADIENT
        XCTAssertEqual(plan.report.norm_computed, needsNorms ? 1 : 0)
      }
    }
  }

  /// Parameters in 16 bits: of the steps, before the parameter is rounded.
  func testItIsThatOfTheStepsWhereParametersAreRounded() {
    for dtype in [SO_FLOAT16, SO_BFLOAT16] {
      let plan = makePlan(Settings(.named("sgd")), dtype)
      plan.groups[1].weight_decay = 0
      let steps = counts.indices.flatMap { index in
        plan.tensors[index].gradient == nil ? [] : plan.gradient(index).map { 0.01 * $0 }
      }
      plan.run()
      XCTAssertEqual(plan.report.update_norm, norm(steps), accuracy: norm(steps) * 0x1p-20)
    }
  }

  func testToAskChangesNoBitAndNotToAskGivesNothing() {
    for settings in OptimizerEntry.all.flatMap(\.variants) {
      for dtype in [SO_FLOAT32, SO_FLOAT64, SO_BFLOAT16] {
        let asked = makePlan(settings, dtype)
        let plain = makePlan(settings, dtype, asks: false)
        asked.run(steps: 3)
        plain.run(steps: 3)
        XCTAssert(haveSameBits(asked.writtenBytes, plain.writtenBytes), "\(settings)")
        XCTAssertEqual(plain.report.update_norm, 0)
      }
    }
  }

  func testASkippedStepChangesNothing() {
    let plan = makePlan(Settings(.named("sgd")), SO_FLOAT32)
    plan.plan.flags |= UInt32(SO_SKIP_NONFINITE)
    plan.setGradient(0, [.nan, 1, 1, 1, 1])
    plan.run()
    XCTAssertEqual(plan.report.outcome, Int32(SO_SKIPPED))
    XCTAssertEqual(plan.report.update_norm, 0)
  }
}
