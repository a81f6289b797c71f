import CSwiftOpt
import TestSupport
import XCTest

/// Everything that makes a plan unusable: status, message, and that nothing was written.
final class PlanErrorTests: XCTestCase {
  private let adamw = Settings(.named("adamw"))

  private func makePlan() -> TestPlan {
    TestPlan(
      adamw, [TensorShape(5), TensorShape(3, dtype: SO_FLOAT64, group: 1)], groupCount: 2)
  }

  func testPrepareRefusesWrongPlans() {
    for fault in optimizerFaults + shapeFaults + groupFaults + tensorFaults + workspaceFaults {
      let plan = makePlan()
      fault.change(plan)
      assertRefuses(plan, fault, "so_plan_prepare") { plan.prepare() }
    }
  }

  func testTheSizeOfAWorkspaceNeedsCountsOnly() {
    for fault in shapeFaults + countFaults {
      let plan = makePlan()
      fault.change(plan)
      var size: Int64 = -7
      assertRefuses(plan, fault, "so_plan_workspace_size") {
        so_plan_workspace_size(&plan.plan, &size)
      }
      XCTAssertEqual(size, -7, fault.message)
    }
    let plan = makePlan()
    plan.plan.optimizer = -1
    plan.plan.workspace = nil
    plan.tensors[0] = so_tensor()
    plan.tensors[0].count = 5
    var size: Int64 = -7
    XCTAssertEqual(so_plan_workspace_size(&plan.plan, &size), so_status(SO_OK))
    XCTAssertEqual(size, plan.plan.workspace_size)
  }

  func testTooManyElementsForAnyWorkspace() {
    // 2^53 tiles and more: more bytes than an address can count.
    let plan = TestPlan(adamw, Array(repeating: TensorShape(1), count: 300), isGuarded: false)
    for index in 0..<300 { plan.tensors[index].count = .max / 64 }
    var size: Int64 = -7
    assertRefuses(plan, Fault("plan: too many elements") { _ in }, "so_plan_workspace_size") {
      so_plan_workspace_size(&plan.plan, &size)
    }
    XCTAssertEqual(size, -7)
  }

  func testCheckGroupsRefusesWrongGroups() {
    for fault in optimizerFaults + shapeFaults + groupFaults {
      let plan = makePlan()
      fault.change(plan)
      assertRefuses(plan, fault, "so_plan_check_groups") { so_plan_check_groups(&plan.plan) }
    }
    let plan = makePlan()
    for fault in tensorFaults + workspaceFaults { fault.change(plan) }
    (plan.groups[0].clip_value, plan.plan.clip_norm) = (1, 1)
    XCTAssertEqual(so_plan_check_groups(&plan.plan), so_status(SO_OK), lastError)
  }

  /// The bounds of the description, at and just beyond them.
  func testHyperparametersMustBeWithinTheirBounds() {
    for optimizer in OptimizerEntry.all {
      for (index, entry) in optimizer.hyperparameters.enumerated() {
        let plan = TestPlan(Settings(optimizer), [TensorShape(2)])
        let isOpen = entry.maximum_is_open != 0
        var good = [entry.minimum, entry.default_value]
        var bad = [entry.minimum.nextDown, .nan, .infinity, -.infinity]
        if entry.maximum < .infinity {
          if isOpen { bad.append(entry.maximum) } else { good.append(entry.maximum) }
          bad.append(entry.maximum.nextUp)
        } else {
          good.append(.greatestFiniteMagnitude)
        }
        if entry.is_flag != 0 { bad += [0.5, .leastNonzeroMagnitude] }
        for value in good {
          plan.groups[0].setHyperparameter(index, value)
          XCTAssertEqual(so_plan_check_groups(&plan.plan), so_status(SO_OK), lastError)
        }
        for value in bad {
          plan.groups[0].setHyperparameter(index, value)
          XCTAssertEqual(so_plan_check_groups(&plan.plan), so_status(SO_INVALID_VALUE))
          let name = String(cString: entry.name!)
          XCTAssert(lastError.hasPrefix("groups[0].\(name) is "), lastError)
          XCTAssert(lastError.hasSuffix("; it must be \(bounds(entry))"), lastError)
        }
      }
    }
  }

  private func bounds(_ entry: so_hyperparameter) -> String {
    if entry.is_flag != 0 { return "0 or 1" }
    XCTAssertEqual(entry.minimum, 0)
    if entry.maximum == .infinity { return "finite and >= 0" }
    XCTAssertEqual(entry.maximum, 1)
    return entry.maximum_is_open != 0 ? "in [0, 1)" : "in [0, 1]"
  }
}

private let countFaults = [
  Fault("tensors[1]: count is negative or too large") { $0.tensors[1].count = -1 },
  Fault("tensors[1]: count is negative or too large") { $0.tensors[1].count = .min },
  Fault("tensors[1]: count is negative or too large") { $0.tensors[1].count = .max },
  Fault("tensors[1]: count is negative or too large") { $0.tensors[1].count = .max / 64 + 1 },
]

private let tensorFaults =
  countFaults
  + [0, 3, -1].map { dtype in
    Fault("tensors[1]: parameter_dtype is unknown", SO_INVALID_TYPE) {
      $0.tensors[1].parameter_dtype = dtype
    }
  }
  + [-1, 2, .max, .min].map { group in
    Fault("tensors[1]: group is not the index of a group") { $0.tensors[1].group = group }
  }
  + [
    Fault("tensors[0]: group is not the index of a group") {
      ($0.plan.group_count, $0.plan.groups) = (0, nil)
    },
    Fault("tensors[1]: reserved is not 0") { $0.tensors[1].reserved = 1 },
    Fault("tensors[1]: scalars is NULL") { $0.tensors[1].scalars = nil },
    Fault("tensors[1]: scalars is not aligned to 8 bytes") {
      $0.tensors[1].scalars = shifted($0.tensors[1].scalars, -4)?
        .assumingMemoryBound(to: Double.self)
    },
    Fault("tensors[1]: parameter is NULL") { $0.tensors[1].parameter = nil },
    Fault("tensors[0]: parameter is not aligned to its element size") {
      $0.tensors[0].parameter = shifted($0.tensors[0].parameter, -2)
    },
    Fault("tensors[1]: parameter is not aligned to its element size") {
      $0.tensors[1].parameter = shifted($0.tensors[1].parameter, -4)
    },
    Fault("tensors[1]: a slot is not aligned to its element size") {
      $0.tensors[1].setSlot(1, shifted($0.tensors[1].slot(1), -4))
    },
    Fault("tensors[1]: a slot is not aligned to its element size") {
      $0.tensors[1].setSlot(2, UnsafeMutableRawPointer(bitPattern: 1))
    },
    Fault("tensors[1]: more slots than the optimizer has") {
      $0.tensors[1].setSlot(3, $0.block(byteCount: 24).raw)
    },
    Fault("tensors[1]: a slot that the optimizer needs is NULL") { $0.tensors[1].setSlot(0, nil) },
    Fault("tensors[1]: a slot that the optimizer needs is NULL") { $0.tensors[1].setSlot(1, nil) },
  ]

private let workspaceFaults = [
  Fault("plan: workspace is NULL") { $0.plan.workspace = nil },
  Fault("plan: workspace is not aligned to 16 bytes") {
    $0.plan.workspace = shifted($0.plan.workspace, 8)
  },
  Fault("plan: workspace_size is less than so_plan_workspace_size gives") {
    $0.plan.workspace_size -= 1
  },
  Fault("plan: workspace_size is less than so_plan_workspace_size gives") {
    $0.plan.workspace_size = 0
  },
  Fault("plan: workspace_size is less than so_plan_workspace_size gives") {
    $0.plan.workspace_size = .min
  },
]

private func shifted(
  _ pointer: UnsafeMutableRawPointer?, _ bytes: Int
) -> UnsafeMutableRawPointer? {
  pointer.map { $0 + bytes }
}
