import CSwiftOpt
import TestSupport
import XCTest

/// Everything that makes a plan unusable: status, message, and that nothing was written.
final class PlanErrorTests: XCTestCase {
  private let adamw = Settings(.named("adamw"))

  func testPrepareRefusesWrongPlans() {
    for fault in optimizerFaults + shapeFaults + groupFaults + tensorFaults + workspaceFaults {
      let plan = makeFaultPlan()
      fault.change(plan)
      assertRefuses(plan, fault, "so_plan_prepare") { plan.prepare() }
    }
  }

  func testTheSizeOfAWorkspaceNeedsCountsOnly() {
    for fault in shapeFaults + countFaults {
      let plan = makeFaultPlan()
      fault.change(plan)
      var size: Int64 = -7
      assertRefuses(plan, fault, "so_plan_workspace_size") {
        so_plan_workspace_size(&plan.plan, &size)
      }
      XCTAssertEqual(size, -7, fault.message)
    }
    let plan = makeFaultPlan()
    plan.plan.optimizer = -1
    plan.plan.workspace = nil
    plan.tensors[0] = so_tensor()
    (plan.tensors[0].count, plan.tensors[0].units) = (5, 1)
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

  /// The greatest matrices that counts allow: nothing may overflow on the way to the error.
  func testTooLargeMatrices() {
    for optimizer in OptimizerEntry.all {
      for dtype in [SO_FLOAT32, SO_FLOAT64] {
        for (rows, columns) in [(28, 28), (56, 0), (0, 56), (30, 26), (5, 51), (40, 1)] {
          let plan = TestPlan(Settings(optimizer), [TensorShape(1, dtype: dtype)])
          plan.tensors[0].count = 1 << 56
          (plan.tensors[0].rows, plan.tensors[0].columns) = (1 << rows, 1 << columns)
          var size: Int64 = -7
          if so_plan_workspace_size(&plan.plan, &size) == so_status(SO_OK) {
            XCTAssertGreaterThan(size, 1 << 45)
            XCTAssertEqual(plan.prepare(), so_status(SO_INVALID_VALUE))
          } else {
            XCTAssertEqual(lastError, "plan: too many elements")
            XCTAssertEqual(size, -7)
          }
        }
      }
    }
  }

  func testCheckGroupsRefusesWrongGroups() {
    for fault in optimizerFaults + shapeFaults + groupFaults {
      let plan = makeFaultPlan()
      fault.change(plan)
      assertRefuses(plan, fault, "so_plan_check_groups") { so_plan_check_groups(&plan.plan) }
    }
    let plan = makeFaultPlan()
    for fault in tensorFaults + workspaceFaults { fault.change(plan) }
    (plan.plan.group_count, plan.plan.groups) = (2, plan.groups.baseAddress)
    XCTAssertEqual(so_plan_check_groups(&plan.plan), so_status(SO_OK), lastError)
  }

  /// The bounds of the description, at and just beyond them.
  func testHyperparametersMustBeWithinTheirBounds() {
    for optimizer in OptimizerEntry.all {
      for (index, entry) in optimizer.hyperparameters.enumerated() {
        let plan = TestPlan(Settings(optimizer), [TensorShape(2)])
        let isOpen = entry.maximum_is_open != 0
        var good = [max(entry.minimum, -.greatestFiniteMagnitude), entry.default_value]
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
    if entry.maximum == .infinity { return "finite and >= \(text(entry.minimum))" }
    if entry.minimum == -.infinity { return "finite and <= \(text(entry.maximum))" }
    let end = entry.maximum_is_open != 0 ? ")" : "]"
    return "in [\(text(entry.minimum)), \(text(entry.maximum))\(end)"
  }

  private func text(_ bound: Double) -> String {
    bound == bound.rounded() ? "\(Int(bound))" : "\(bound)"
  }
}

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
