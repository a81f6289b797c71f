import CSwiftOpt
import TestSupport
import XCTest

/// Plans of no, of empty and of very many tensors. Workspaces lie before a forbidden page,
/// so a workspace that is used beyond its size crashes every test of this target.
final class WorkspaceTests: XCTestCase {
  private let adamw = Settings(.named("adamw"))

  func testSizesGrowWithTensorsAndTiles() {
    func size(_ counts: [Int]) -> Int64 {
      TestPlan(adamw, counts.map { TensorShape($0) }).plan.workspace_size
    }
    XCTAssertGreaterThan(size([]), 0)
    XCTAssertGreaterThan(size([0]), size([]))
    XCTAssertGreaterThan(size([1, 1]), size([1]))
    XCTAssertEqual(size([1]), size([2048]))
    XCTAssertGreaterThan(size([100 * 2048]), size([2048]))
    XCTAssertEqual(size([7]) % 16, 0)
  }

  func testAnEmptyPlanIsAStepOfNothing() {
    let plan = TestPlan(adamw, [], groupCount: 0)
    (plan.plan.tensors, plan.plan.groups) = (nil, nil)
    plan.plan.flags = UInt32(SO_REPORT_NORM | SO_SKIP_NONFINITE)
    plan.plan.clip_norm = 1
    plan.run()
    XCTAssertEqual(plan.report.outcome, Int32(SO_UPDATED))
    XCTAssertEqual(plan.report.grad_norm, 0)
    XCTAssertEqual(plan.report.clip_coefficient, 1)
    XCTAssertEqual(plan.report.first_bad, -1)
  }

  func testTensorsWithoutElementsNeedNoArrays() {
    let plan = TestPlan(adamw, [TensorShape(0), TensorShape(3), TensorShape(0)])
    for index in [0, 2] {
      plan.tensors[index].parameter = nil
      plan.tensors[index].gradient = nil
      plan.tensors[index].setSlot(0, nil)
      plan.tensors[index].setSlot(1, nil)
    }
    plan.plan.clip_norm = 1
    plan.run(steps: 2)
    XCTAssertEqual(plan.scalars(0)[0], 0)
    XCTAssertEqual(plan.scalars(1)[0], 2)

    // With a gradient that has an address, an empty tensor counts its steps like others.
    plan.tensors[0].gradient = UnsafeRawPointer(plan.block(byteCount: 0).raw)
    XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    XCTAssertEqual(plan.scalars(0)[0], 1)
  }

  func testATensorWithoutGradientStaysAsItIs() {
    let plan = TestPlan(adamw, [TensorShape(3), TensorShape(3)])
    plan.tensors[0].gradient = nil
    let before = plan.parameter(0)
    plan.run(steps: 2)
    XCTAssertEqual(plan.parameter(0), before)
    XCTAssertEqual(plan.scalars(0), [0, 1, 1])
    XCTAssertEqual(plan.scalars(1)[0], 2)
  }

  /// Ten thousand tensors of three elements are one tensor of thirty thousand, cut up.
  func testTenThousandTinyTensors() {
    let count = 10_000
    let many = TestPlan(
      adamw, Array(repeating: TensorShape(3), count: count), isGuarded: false)
    let one = TestPlan(adamw, [TensorShape(3 * count)])
    one.setParameter(0, (0..<count).flatMap(many.parameter))
    one.setGradient(0, (0..<count).flatMap(many.gradient))
    (many.plan.clip_norm, one.plan.clip_norm) = (1e6, 1e6)
    many.run(steps: 3)
    one.run(steps: 3)
    // A sum of ten thousand parts, each addition half an ULP off, under a root.
    XCTAssertEqual(
      many.report.grad_norm, one.report.grad_norm,
      accuracy: one.report.grad_norm * Double(count) * 0x1p-54)
    XCTAssert(haveSameBits((0..<count).flatMap(many.parameter), one.parameter(0)))
    for index in stride(from: 0, to: count, by: 997) {
      XCTAssertEqual(many.scalars(index), one.scalars(0))
    }
  }

  func testAWorkspaceMayBeLargerThanNeeded() {
    let plan = TestPlan(adamw, [TensorShape(3)])
    let larger = plan.plan.workspace_size + 4096
    (plan.plan.workspace, plan.plan.workspace_size) = (
      plan.block(byteCount: Int(larger)).raw, larger
    )
    plan.run()
  }
}
