import CSwiftOpt
import TestSupport
import XCTest

/// Two arrays that share memory, where one is written, would make a step depend on the
/// order of its threads.
final class OverlapTests: XCTestCase {
  private let elements = 8

  /// bfloat16 tensors with everything; the compensation stands in for the master.
  private func makePlan() -> TestPlan {
    TestPlan(
      Settings(.named("adamw")).with("amsgrad", 1),
      Array(
        repeating: TensorShape(elements, dtype: SO_BFLOAT16, gradientDtype: SO_FLOAT32).with {
          $0.slotDtypes = [SO_BLOCK8]
          ($0.hasMaster, $0.hasAverage, $0.hasAccumulator) = (true, true, true)
          $0.copyDtype = SO_FLOAT16
        }, count: 3))
  }

  func testAnyTwoWrittenArraysMustBeApart() {
    for second in WrittenArray.allCases {
      for first in WrittenArray.allCases {
        for distance in second.distances(to: first.bytes) {
          let plan = makePlan()
          let common = plan.block(byteCount: 128).raw + 48
          set(plan, tensor: 0, first, common)
          set(plan, tensor: 2, second, common + distance)
          XCTAssertEqual(plan.prepare(), so_status(SO_INVALID_VALUE), "\(first), \(second)")
          // Which of the two is named first depends on their addresses.
          let messages = [
            "tensors[2]: its \(second.name) shares memory with the \(first.name) of tensors[0]",
            "tensors[0]: its \(first.name) shares memory with the \(second.name) of tensors[2]",
          ]
          XCTAssert(messages.contains(lastError), "\(first), \(second), \(distance): \(lastError)")
        }
      }
    }
  }

  func testNeighboursMayTouch() {
    let plan = makePlan()
    let common = plan.block(byteCount: 2 * elements * 3)
    for index in 0..<3 {
      plan.tensors[index].parameter = common.raw + 2 * elements * index
    }
    plan.run()
  }

  func testOneTensorsOwnArraysMustBeApart() {
    let plan = makePlan()
    plan.tensors[1].setSlot(1, plan.tensors[1].average)
    XCTAssertEqual(plan.prepare(), so_status(SO_INVALID_VALUE))
    XCTAssert(lastError.hasSuffix("of tensors[1]"), lastError)
    XCTAssert(lastError.hasPrefix("tensors[1]: its "), lastError)
  }

  /// Any gradient with anything that is written, its own tensor's or another's, except that
  /// a tensor's own accumulator may be its gradient.
  func testGradientsMustBeApartFromAllThatIsWritten() {
    for owner in 0..<3 {
      for array in WrittenArray.allCases {
        for distance in WrittenArray.average.distances(to: array.bytes) {
          let plan = makePlan()
          let common = plan.block(byteCount: 128).raw + 48
          set(plan, tensor: owner, array, common)
          plan.tensors[1].gradient = UnsafeRawPointer(common + distance)
          XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError)
          if array == .accumulator, owner == 1, distance == 0 {
            XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
            continue
          }
          let fault = Fault(
            "tensors[1]: its gradient shares memory with the \(array.name) of tensors[\(owner)]"
          ) { _ in }
          let name = "\(array) + \(distance)"
          assertRefuses(plan, fault, name) { plan.step() }
          assertRefuses(plan, fault, name) { plan.receive(1) }
          assertRefuses(plan, fault, name) { plan.accumulate(weight: 1) }
        }
      }
    }
  }

  func testGradientsMayTouchWhatIsWrittenAndShareMemoryWithEachOther() {
    let plan = makePlan()
    let common = plan.block(byteCount: 4 * elements * 3)
    plan.tensors[0].gradient = UnsafeRawPointer(common.raw)
    plan.tensors[1].average = common.raw + 4 * elements
    plan.tensors[1].gradient = UnsafeRawPointer(common.raw)
    plan.tensors[2].gradient = UnsafeRawPointer(common.raw + 8 * elements)
    plan.run()
  }

  /// But not if one would be cleared before the other is read.
  func testGradientsThatAreClearedMustNotShareMemory() {
    for distance in [-28, -16, 0, 16, 28] {
      let plan = makePlan()
      let common = plan.block(byteCount: 128).raw + 48
      plan.tensors[0].gradient = UnsafeRawPointer(common)
      plan.tensors[2].gradient = UnsafeRawPointer(common + distance)
      plan.run()
      plan.groups[0].zero_gradient = 1
      for call in [plan.step, { plan.accumulate(weight: 1) }] {
        let before = plan.writtenBytes
        XCTAssertEqual(call(), so_status(SO_INVALID_VALUE))
        XCTAssert(lastError.contains("gradient, which zero_gradient clears, shares"), lastError)
        XCTAssert(haveSameBits(plan.writtenBytes, before))
      }
      plan.tensors[2].gradient = UnsafeRawPointer(common + (distance < 0 ? -32 : 32))
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    }
  }

  /// A gradient that was compared before is not compared again, unless there is more of it.
  func testAGradientThatGrowsIsComparedAgain() {
    let plan = makePlan()
    let common = plan.block(byteCount: 4 * elements * 2)
    plan.tensors[1].gradient = UnsafeRawPointer(common.raw)
    plan.tensors[0].average = common.raw + 4 * elements
    plan.run(steps: 2)
    plan.tensors[1].gradient_dtype = so_dtype(SO_FLOAT64)
    let fault = Fault("tensors[1]: its gradient shares memory with the average of tensors[0]") {
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

  private func set(
    _ plan: TestPlan, tensor: Int, _ array: WrittenArray, _ address: UnsafeMutableRawPointer
  ) {
    let floats = address.assumingMemoryBound(to: Float.self)
    switch array {
    case .parameter: plan.tensors[tensor].parameter = address
    case .slot0: plan.tensors[tensor].setSlot(0, address)
    case .slot1: plan.tensors[tensor].setSlot(1, address)
    case .slot2: plan.tensors[tensor].setSlot(2, address)
    case .scales: plan.tensors[tensor].changeSlot(0) { $0.scales = floats }
    case .scalars: plan.tensors[tensor].scalars = address.assumingMemoryBound(to: Double.self)
    case .master: plan.tensors[tensor].master = floats
    case .compensation:
      (plan.tensors[tensor].master, plan.tensors[tensor].compensation) = (nil, address)
    case .average: plan.tensors[tensor].average = address
    case .copy: plan.tensors[tensor].copy = address
    case .accumulator: plan.tensors[tensor].accumulator = address
    }
  }
}

/// What a step writes of one of the tensors above.
private enum WrittenArray: CaseIterable {
  case parameter, slot0, slot1, slot2, scales, scalars, master, compensation, average, copy
  case accumulator

  var name: String {
    switch self {
    case .slot0: "exp_avg"
    case .slot1: "exp_avg_sq"
    case .slot2: "max_exp_avg_sq"
    case .scales: "block scales"
    default: "\(self)"
    }
  }

  var bytes: Int {
    switch self {
    case .slot0: 8
    case .scales: 4
    case .parameter, .compensation, .copy: 16
    case .scalars: 24
    default: 32
    }
  }

  private var alignment: Int {
    switch self {
    case .slot0: 1
    case .parameter, .compensation, .copy: 2
    case .scalars: 8
    default: 4
    }
  }

  /// Where this array may begin, counted from the start of another one, to share its first or
  /// its last byte, or all that it can.
  func distances(to other: Int) -> [Int] {
    let last = (other - 1) / alignment * alignment
    return Array(Set([-(bytes - 1) / alignment * alignment, 0, last]))
  }
}
