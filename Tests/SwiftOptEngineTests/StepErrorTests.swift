import CSwiftOpt
import TestSupport
import XCTest

/// What a step refuses although the plan was prepared: nothing may have been written.
final class StepErrorTests: XCTestCase {
  private func makePlan(_ optimizer: String = "adamw") -> TestPlan {
    let plan = makeFaultPlan(optimizer)
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
        Fault(message) { $0.plan.tensor_count = 2 },
        Fault(message) { $0.plan.tensor_count = -1 },
        Fault(message) { $0.plan.group_count = 1 },
        Fault(message) { $0.plan.group_count = -1 },
        Fault(message) { $0.plan.optimizer = 1 },
        Fault(message) { $0.plan.optimizer = -1 },
      ] + shapeFaults.filter { !$0.message.contains("_count") } + groupFaults
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
      { $0.plan.flags = 8 },
      { $0.tensors[1].units = 2 },
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

  func testTensorsMustKeepTheirShapesDtypesAndGroups() {
    let changed = "tensors[2]: its shape or a dtype is not that of so_plan_prepare"
    var faults: [Fault] = []
    for number in [-1, .min, 0, 2, 5, 7, 12, 2049, .max] as [Int64] {
      faults += [
        Fault(changed) { $0.tensors[2].count = number },
        Fault(changed) { $0.tensors[2].units = number },
        Fault(changed) { $0.tensors[2].rows = number == 2 ? 1 : number },
        Fault(changed) { $0.tensors[2].columns = number },
      ]
    }
    faults += ([0, 1, 2, 3, 5, 6, -1] as [Int32]).map { dtype in
      Fault(changed) { $0.tensors[2].parameter_dtype = dtype }
    }
    faults += ([0, 1, 2, 4, 5, 6, -1] as [Int32]).map { dtype in
      Fault(changed) { $0.tensors[2].copy_dtype = dtype }
    }
    faults += ([-1, 2, .max, .min] as [Int32]).map { group in
      Fault("tensors[1]: group is not the index of a group") { $0.tensors[1].group = group }
    }
    faults += [
      Fault("tensors[2]: scalars is NULL") { $0.tensors[2].scalars = nil },
      Fault("tensors[2]: parameter is NULL") { $0.tensors[2].parameter = nil },
    ]
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
        $0.tensors[1].gradient_dtype = so_dtype(SO_BLOCK8)
      },
      Fault("tensors[0]: gradient is not aligned to its element size") {
        $0.tensors[0].gradient = $0.tensors[0].gradient! - 1
      },
      Fault("tensors[1]: gradient is not aligned to its element size") {
        $0.tensors[1].gradient = $0.tensors[1].gradient! - 4
      },
      Fault("tensors[2]: gradient is not aligned to its element size") {
        $0.tensors[2].gradient = $0.tensors[2].gradient! - 1
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
    for (optimizer, name, slot) in [
      ("sgd", "momentum", "momentum_buffer"), ("adam", "amsgrad", "max_exp_avg_sq"),
      ("adamw", "amsgrad", "max_exp_avg_sq"), ("rmsprop", "momentum", "momentum_buffer"),
      ("rmsprop", "centered", "grad_avg"),
    ] {
      let plan = makePlan(optimizer)
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
      plan.groups[1].setHyperparameters(plan.settings.with(name, 1).values)
      let fault = Fault(
        "tensors[1]: its \(slot) is NULL, and a hyper-parameter that is not 0 needs it"
      ) { _ in }
      assertRefuses(plan, fault, "\(optimizer) with \(name)") { plan.step() }
      // Without a gradient the rule doesn't run, and nothing is missing.
      (plan.tensors[1].gradient, plan.tensors[2].gradient) = (nil, nil)
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
