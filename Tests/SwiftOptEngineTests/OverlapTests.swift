import CSwiftOpt
import TestSupport
import XCTest

/// Two arrays that share memory, where one is written, would make a step depend on the
/// order of its threads.
final class OverlapTests: XCTestCase {
  private let elements = 8
  private let shapes = [TensorShape(8), TensorShape(8), TensorShape(8)]

  private func makePlan() -> TestPlan {
    TestPlan(Settings(.named("adamw")).with("amsgrad", 1), shapes)
  }

  func testAnyTwoWrittenArraysMustBeApart() {
    // By one byte, by half, entirely: `distance` is from one array's start to the other's.
    for distance in [-28, -16, 0, 16, 28] {
      for (second, secondName) in arrays {
        for (first, firstName) in arrays {
          let plan = makePlan()
          let common = plan.block(byteCount: 128).raw + 32
          set(plan, tensor: 0, first, common + 16)
          set(plan, tensor: 2, second, common + 16 + alignedFor(first, second, distance))
          XCTAssertEqual(plan.prepare(), so_status(SO_INVALID_VALUE), "\(first), \(second)")
          // Which of the two is named first depends on their addresses.
          let messages = [
            "tensors[2]: its \(secondName) shares memory with the \(firstName) of tensors[0]",
            "tensors[0]: its \(firstName) shares memory with the \(secondName) of tensors[2]",
          ]
          XCTAssert(messages.contains(lastError), lastError)
        }
      }
    }
  }

  func testNeighboursMayTouch() {
    let plan = makePlan()
    let common = plan.block(byteCount: 4 * elements * 3)
    for index in 0..<3 {
      plan.tensors[index].parameter = common.raw + 4 * elements * index
    }
    plan.run()
  }

  func testOneTensorsOwnArraysMustBeApart() {
    let plan = makePlan()
    plan.tensors[1].setSlot(1, plan.tensors[1].parameter)
    XCTAssertEqual(plan.prepare(), so_status(SO_INVALID_VALUE))
    XCTAssert(lastError.hasSuffix("of tensors[1]"), lastError)
    XCTAssert(lastError.hasPrefix("tensors[1]: its "), lastError)
  }

  /// Any gradient with anything that is written, its own tensor's or another's.
  func testGradientsMustBeApartFromAllThatIsWritten() {
    for owner in 0..<3 {
      for (array, name) in arrays {
        for distance in [-28, -16, 0, 16, 28] {
          let plan = makePlan()
          let common = plan.block(byteCount: 128).raw + 48
          set(plan, tensor: owner, array, common)
          // Scalars are three numbers of eight bytes: 24.
          let offset = array == .scalars ? max(-28, min(20, distance)) : distance
          plan.tensors[1].gradient = UnsafeRawPointer(common + offset)
          XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError)
          let fault = Fault(
            "tensors[1]: its gradient shares memory with the \(name) of tensors[\(owner)]"
          ) { _ in }
          assertRefuses(plan, fault, "\(array) + \(distance)") { plan.step() }
        }
      }
    }
  }

  func testGradientsMayTouchWhatIsWrittenAndShareMemoryWithEachOther() {
    let plan = makePlan()
    let common = plan.block(byteCount: 4 * elements * 3)
    plan.tensors[0].gradient = UnsafeRawPointer(common.raw)
    plan.tensors[1].parameter = common.raw + 4 * elements
    plan.tensors[1].gradient = UnsafeRawPointer(common.raw)
    plan.tensors[2].gradient = UnsafeRawPointer(common.raw + 8 * elements)
    plan.run()
  }

  /// A gradient that was compared before is not compared again, unless there is more of it.
  func testAGradientThatGrowsIsComparedAgain() {
    let plan = makePlan()
    let common = plan.block(byteCount: 4 * elements * 2)
    plan.tensors[1].gradient = UnsafeRawPointer(common.raw)
    plan.tensors[0].parameter = common.raw + 4 * elements
    plan.run(steps: 2)
    plan.tensors[1].gradient_dtype = so_dtype(SO_FLOAT64)
    let fault = Fault("tensors[1]: its gradient shares memory with the parameter of tensors[0]") {
      _ in
    }
    assertRefuses(plan, fault, "float64") { plan.step() }
  }

  func testEmptyArraysOverlapNothing() {
    let plan = TestPlan(Settings(.named("sgd")), [TensorShape(8), TensorShape(0)])
    plan.tensors[1].parameter = plan.tensors[0].parameter! + 8
    plan.tensors[1].gradient = UnsafeRawPointer(plan.tensors[0].parameter! + 8)
    plan.run()
  }

  private enum WrittenArray: Equatable {
    case parameter
    case slot(Int)
    case scalars
  }

  private let arrays: [(WrittenArray, String)] = [
    (.parameter, "parameter"), (.slot(0), "exp_avg"), (.slot(1), "exp_avg_sq"),
    (.slot(2), "max_exp_avg_sq"), (.scalars, "scalars"),
  ]

  private func set(
    _ plan: TestPlan, tensor: Int, _ array: WrittenArray, _ address: UnsafeMutableRawPointer
  ) {
    switch array {
    case .parameter: plan.tensors[tensor].parameter = address
    case .slot(let index): plan.tensors[tensor].setSlot(index, address)
    case .scalars: plan.tensors[tensor].scalars = address.assumingMemoryBound(to: Double.self)
    }
  }

  /// Scalars are aligned to 8 bytes and take 24 of them, the others 4 and 32.
  private func alignedFor(_ first: WrittenArray, _ second: WrittenArray, _ distance: Int) -> Int {
    if first != .scalars && second != .scalars { return distance }
    return max(-16, min(16, distance))
  }
}
