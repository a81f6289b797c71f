import CSwiftOpt
import TestSupport
import XCTest

/// What a step refuses although the plan was prepared: nothing may have been written.
final class StepErrorTests: XCTestCase {
  private func makePlan(_ optimizer: String = "adamw") -> TestPlan {
    let plan = TestPlan(
      Settings(.named(optimizer)),
      [TensorShape(5), TensorShape(3, dtype: SO_FLOAT64, group: 1)], groupCount: 2)
    XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError)
    return plan
  }

  func testAPreparedPlanMayOnlyChangeAsTheContractAllows() {
    let message = "plan: call so_plan_prepare first"
    let faults =
      [
        Fault(message) { $0.plan.workspace = nil },
        Fault(message) { $0.plan.workspace = $0.plan.workspace! + 8 },
        Fault(message) { $0.plan.workspace_size -= 1 },
        Fault(message) { $0.plan.workspace_size = 15 },
        Fault(message) { $0.plan.workspace_size = 0 },
        Fault(message) { $0.plan.workspace_size = -1 },
        Fault(message) { $0.plan.tensor_count = 1 },
        Fault(message) { $0.plan.tensor_count = 3 },
        Fault(message) { $0.plan.tensor_count = -1 },
        Fault(message) { $0.plan.group_count = 1 },
        Fault(message) { $0.plan.group_count = -1 },
        Fault(message) { $0.plan.optimizer = 1 },
        Fault(message) { $0.plan.optimizer = -1 },
        Fault("plan: tensors is NULL") { $0.plan.tensors = nil },
        Fault("plan: groups is NULL") { $0.plan.groups = nil },
        Fault("plan.flags is 8; it must be SO_SKIP_NONFINITE, SO_REPORT_NORM, both or 0") {
          $0.plan.flags = 8
        },
        Fault("plan.reserved is 1; it must be 0") { $0.plan.reserved = 1 },
      ] + groupFaults
    for fault in faults {
      let plan = makePlan()
      fault.change(plan)
      assertRefuses(plan, fault, "so_optimizer_step") { plan.step() }
    }
  }

  func testAnUnpreparedWorkspaceIsRefused() {
    let fault = Fault("plan: call so_plan_prepare first") { _ in }
    let plan = TestPlan(Settings(.named("adamw")), [TensorShape(5)])
    assertRefuses(plan, fault, "zeros") { plan.step() }
    var random = SplitMix64(seed: 6)
    for offset in stride(from: 0, to: Int(plan.plan.workspace_size), by: 8) {
      plan.plan.workspace!.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
    }
    assertRefuses(plan, fault, "noise") { plan.step() }
  }

  /// Whatever the last prepare complained about, no step may rely on the one before it.
  func testAWorkspaceIsUnpreparedAfterAFailedPrepare() {
    let changes: [@Sendable (TestPlan) -> Void] = [
      { $0.tensors[1].parameter = $0.tensors[1].slot(0) },
      { $0.tensors[1].count = -1 },
      { $0.groups[0].lr = -1 },
      { $0.plan.flags = 4 },
    ]
    for change in changes {
      let plan = makePlan()
      let tensor = plan.tensors[1]
      change(plan)
      XCTAssertEqual(plan.prepare(), so_status(SO_INVALID_VALUE))
      plan.tensors[1] = tensor
      (plan.groups[0].lr, plan.plan.flags) = (0.01, 0)
      assertRefuses(plan, Fault("plan: call so_plan_prepare first") { _ in }, "step") {
        plan.step()
      }
    }
  }

  func testTensorsMustKeepTheirTilesAndGroups() {
    let faults =
      [-1, .min, 0, 2049, .max].map { count in
        Fault("tensors[1]: count is not that of so_plan_prepare") { $0.tensors[1].count = count }
      }
      + [-1, 2, .max, .min].map { group in
        Fault("tensors[1]: group is not the index of a group") { $0.tensors[1].group = group }
      }
    for fault in faults {
      let plan = makePlan()
      fault.change(plan)
      assertRefuses(plan, fault, "so_optimizer_step") { plan.step() }
    }
  }

  func testGradientsAreCheckedAtEveryStep() {
    let faults = [
      Fault("tensors[0]: gradient_dtype is unknown", SO_INVALID_TYPE) {
        $0.tensors[0].gradient_dtype = 0
      },
      Fault("tensors[1]: gradient_dtype is unknown", SO_INVALID_TYPE) {
        $0.tensors[1].gradient_dtype = 3
      },
      Fault("tensors[0]: gradient is not aligned to its element size") {
        $0.tensors[0].gradient = $0.tensors[0].gradient! - 1
      },
      Fault("tensors[1]: gradient is not aligned to its element size") {
        $0.tensors[1].gradient = $0.tensors[1].gradient! - 4
      },
      // Aligned for float32, the dtype at the last step, but not for float64.
      Fault("tensors[0]: gradient is not aligned to its element size") {
        let memory = $0.block(byteCount: 48).raw + 4
        $0.tensors[0].gradient = UnsafeRawPointer(memory)
        XCTAssertEqual($0.step(), so_status(SO_OK), lastError)
        $0.tensors[0].gradient_dtype = so_dtype(SO_FLOAT64)
      },
    ]
    for fault in faults {
      let plan = makePlan()
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
      fault.change(plan)
      assertRefuses(plan, fault, "so_optimizer_step") { plan.step() }
    }
  }

  func testAHyperparameterThatNeedsASlotIsRefusedWithoutIt() {
    for (optimizer, name) in [
      ("sgd", "momentum"), ("adam", "amsgrad"), ("adamw", "amsgrad"), ("rmsprop", "momentum"),
      ("rmsprop", "centered"),
    ] {
      let plan = makePlan(optimizer)
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
      plan.groups[1].setHyperparameters(plan.settings.with(name, 1).values)
      let fault = Fault("tensors[1]: a hyper-parameter that is not 0 needs a slot that is NULL") {
        _ in
      }
      assertRefuses(plan, fault, "\(optimizer) with \(name)") { plan.step() }
      // Without a gradient the rule doesn't run, and nothing is missing.
      plan.tensors[1].gradient = nil
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    }
  }

  func testOtherCallsHaveTheirErrorsToo() {
    var description = so_description()
    for id in [-1, so_optimizer_count()] {
      XCTAssertEqual(so_optimizer_describe(id, &description), so_status(SO_INVALID_VALUE))
      XCTAssertEqual(
        lastError, "optimizer is \(id); it must be in 0 ..< so_optimizer_count()")
      XCTAssertNil(description.name)
    }
    XCTAssertEqual(so_optimizer_describe(0, &description), so_status(SO_OK))
    XCTAssertEqual(description.name.map { String(cString: $0) }, "sgd")
    XCTAssertEqual(Int(so_optimizer_count()), OptimizerEntry.all.count)
    XCTAssertEqual(so_abi_version(), Int32(SO_ABI_VERSION))

    let threads = so_threads_get()
    for count in [0, -1, Int32(SO_MAX_THREADS) + 1, .max, .min] {
      XCTAssertEqual(so_threads_set(count), so_status(SO_INVALID_VALUE))
      XCTAssertEqual(lastError, "count is \(count); it must be in 1 ... 256")
      XCTAssertEqual(so_threads_get(), threads)
    }
  }
}
