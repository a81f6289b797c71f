import CSwiftOpt
import TestSupport
import XCTest

/// Pass 1: the reported norm, what clipping makes of it, and steps that are skipped.
final class NormTests: XCTestCase {
  private let sgd = Settings(.named("sgd"))
  private let shapes = [
    TensorShape(5), TensorShape(0), TensorShape(4097, dtype: SO_FLOAT64),
    TensorShape(2049, dtype: SO_FLOAT32, gradientDtype: SO_FLOAT64), TensorShape(2048),
  ]

  func testTheNormIsThatOfAllGradients() {
    let plan = TestPlan(sgd, shapes)
    plan.plan.flags = UInt32(SO_REPORT_NORM)
    plan.run()
    XCTAssertEqual(plan.report.norm_computed, 1)
    // float64 gradients of a float32 parameter count as float32.
    let values = shapes.indices.flatMap { index in
      plan.gradient(index).map { index == 3 ? Double(Float($0)) : $0 }
    }
    // At most 70 roundings within a tile (the square, 64 in its lane, 5 in the tree) and 8 to
    // add up tiles and tensors. The root halves them and adds its own: 40 half ULPs of a
    // number next to a power of two, which are up to 40 ULPs of one below it.
    let expected = accurateSquareSum(values).squareRoot()
    XCTAssertLessThanOrEqual(ulpDistance(plan.report.grad_norm, expected), 40)
  }

  func testNothingIsReportedThatNobodyAskedFor() {
    let plan = TestPlan(sgd, shapes)
    plan.run()
    XCTAssertEqual(plan.report.norm_computed, 0)
    XCTAssertEqual(plan.report.grad_norm, 0)
    XCTAssertEqual(plan.report.clip_coefficient, 1)
    XCTAssertEqual(plan.report.first_bad, -1)
  }

  func testGradientsThatAreAbsentDoNotCount() {
    let plan = TestPlan(sgd, [TensorShape(2), TensorShape(2)])
    plan.setGradient(0, [3, 4])
    plan.tensors[1].gradient = nil
    plan.plan.flags = UInt32(SO_REPORT_NORM)
    plan.run()
    XCTAssertEqual(plan.report.grad_norm, 5)
  }

  func testAStepWithAGradientThatIsNotFiniteIsSkipped() {
    let bad: [Double] = [.nan, .infinity, -.infinity]
    for index in [0, 2, 3, 4] {
      for (position, value) in zip([0, shapes[index].count / 2, shapes[index].count - 1], bad) {
        for limit in ["clip_norm", "clip_tensor_norm", "skip"] {
          let plan = TestPlan(sgd, shapes)
          set(plan, index, position, value)
          switch limit {
          case "clip_norm": plan.plan.clip_norm = 1
          case "clip_tensor_norm": plan.groups[0].clip_tensor_norm = 1
          default: plan.plan.flags = UInt32(SO_SKIP_NONFINITE)
          }
          let before = plan.writtenBytes
          plan.run()
          XCTAssertEqual(plan.report.outcome, Int32(SO_SKIPPED), limit)
          XCTAssertEqual(plan.report.first_bad, Int64(index), limit)
          XCTAssertEqual(plan.report.norm_computed, 1, limit)
          XCTAssertFalse(plan.report.grad_norm.isFinite, limit)
          XCTAssert(haveSameBits(plan.writtenBytes, before), limit)
        }
      }
    }
  }

  func testTheFirstOfSeveralBadTensorsIsReported() {
    let plan = TestPlan(sgd, shapes)
    for index in [4, 2, 3] { set(plan, index, 7, .nan) }
    plan.plan.flags = UInt32(SO_SKIP_NONFINITE)
    plan.run()
    XCTAssertEqual(plan.report.first_bad, 2)
  }

  /// 1e39 is a float64, but the float32 parameter would see infinity.
  func testADoubleThatOverflowsItsFloatParameterIsNotFinite() {
    let plan = TestPlan(sgd, shapes)
    set(plan, 3, 2048, 1e39)
    set(plan, 2, 0, 1e39)
    plan.plan.flags = UInt32(SO_SKIP_NONFINITE)
    plan.run()
    XCTAssertEqual(plan.report.outcome, Int32(SO_SKIPPED))
    XCTAssertEqual(plan.report.first_bad, 3)
  }

  /// Who only watches sees it, and the rule gets what it was given.
  func testReportingAloneSkipsNothing() {
    let plan = TestPlan(sgd, shapes)
    set(plan, 0, 1, .nan)
    plan.plan.flags = UInt32(SO_REPORT_NORM)
    plan.run()
    XCTAssertEqual(plan.report.outcome, Int32(SO_UPDATED))
    XCTAssertEqual(plan.report.first_bad, 0)
    XCTAssert(plan.report.grad_norm.isNaN)
    XCTAssert(plan.parameter(0)[1].isNaN)
    XCTAssertFalse(plan.parameter(0)[0].isNaN)
  }

  /// The norm overflows; the gradients are finite all the same, and limited to 0.
  func testHugeFiniteGradientsAreNotSkipped() {
    let plan = TestPlan(sgd, [TensorShape(2, dtype: SO_FLOAT64)])
    plan.setGradient(0, [1e300, -1e300])
    plan.plan.clip_norm = 1
    let before = plan.parameter(0)
    plan.run()
    XCTAssertEqual(plan.report.outcome, Int32(SO_UPDATED))
    XCTAssertEqual(plan.report.grad_norm, .infinity)
    XCTAssertEqual(plan.report.first_bad, -1)
    XCTAssertEqual(plan.report.clip_coefficient, 0)
    XCTAssertEqual(plan.parameter(0), before)
  }

  /// A tensor whose own norm overflows counts with its limit, and the others are limited
  /// as ever: 12² + 5² = 13².
  func testATensorsNormThatOverflowsCountsAsItsLimit() {
    let plan = TestPlan(
      sgd, [TensorShape(2, dtype: SO_FLOAT64), TensorShape(2, dtype: SO_FLOAT64)])
    plan.setGradient(0, [1e300, -1e300])
    plan.setGradient(1, [3, 4])
    plan.setParameter(1, [0, 0])
    plan.groups[0].lr = 1
    plan.groups[0].clip_tensor_norm = 12
    plan.plan.clip_norm = 6.5
    plan.run()
    XCTAssertEqual(plan.report.clip_coefficient, 0.5)
    XCTAssertEqual(plan.parameter(1), [-1.5, -2])
  }

  private func set(_ plan: TestPlan, _ tensor: Int, _ position: Int, _ value: Double) {
    var gradient = plan.gradient(tensor)
    gradient[position] = value
    plan.setGradient(tensor, gradient)
  }
}
