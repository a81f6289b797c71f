import CSwiftOpt
import TestSupport
import XCTest

/// One way to get a plan wrong, and what the library must say to it.
struct Fault: Sendable {
  let message: String
  let status: so_status
  let change: @Sendable (TestPlan) -> Void

  init(
    _ message: String, _ status: Int = SO_INVALID_VALUE,
    _ change: @escaping @Sendable (TestPlan) -> Void
  ) {
    (self.message, self.status, self.change) = (message, so_status(status), change)
  }
}

extension XCTestCase {
  /// Expects the fault's status and message from `call`, and that nothing was written.
  func assertRefuses(
    _ plan: TestPlan, _ fault: Fault, _ name: String, file: StaticString = #filePath,
    line: UInt = #line, _ call: () -> so_status
  ) {
    let before = plan.writtenBytes
    let status = call()
    XCTAssertEqual(status, fault.status, "\(name): \(fault.message)", file: file, line: line)
    XCTAssertEqual(lastError, fault.message, name, file: file, line: line)
    XCTAssert(
      haveSameBits(plan.writtenBytes, before), "\(name) wrote: \(fault.message)", file: file,
      line: line)
  }
}

/// Faults that every call finds: counts and pointers.
let shapeFaults = [
  Fault("plan.tensor_count is -1; it must be >= 0 and < 2^31 - 1") { $0.plan.tensor_count = -1 },
  Fault("plan.tensor_count is 2147483647; it must be >= 0 and < 2^31 - 1") {
    $0.plan.tensor_count = Int64(Int32.max)
  },
  Fault("plan.tensor_count is 9.223372036854776e+18; it must be >= 0 and < 2^31 - 1") {
    $0.plan.tensor_count = .max
  },
  Fault("plan.group_count is -1; it must be >= 0") { $0.plan.group_count = -1 },
  Fault("plan.group_count is -2147483648; it must be >= 0") { $0.plan.group_count = .min },
  Fault("plan: tensors is NULL") { $0.plan.tensors = nil },
  Fault("plan: groups is NULL") { $0.plan.groups = nil },
  Fault("plan.flags is 4; it must be SO_SKIP_NONFINITE, SO_REPORT_NORM, both or 0") {
    $0.plan.flags = 4
  },
  Fault("plan.flags is 4294967295; it must be SO_SKIP_NONFINITE, SO_REPORT_NORM, both or 0") {
    $0.plan.flags = .max
  },
  Fault("plan.reserved is 1; it must be 0") { $0.plan.reserved = 1 },
]

/// Faults of what may change between steps; the second group is the wrong one.
let groupFaults: [Fault] = {
  var faults = [
    Fault("plan.clip_norm is 0; it must be > 0") { $0.plan.clip_norm = 0 },
    Fault("plan.clip_norm is -1; it must be > 0") { $0.plan.clip_norm = -1 },
    Fault("plan.clip_norm is nan; it must be > 0") { $0.plan.clip_norm = .nan },
    Fault("groups[1].maximize is 2; it must be 0 or 1") { $0.groups[1].maximize = 2 },
    Fault("groups[1].maximize is -1; it must be 0 or 1") { $0.groups[1].maximize = -1 },
    Fault("groups[1].reserved is 3; it must be 0") { $0.groups[1].reserved = 3 },
  ]
  for (text, value) in [("-1", -1), ("nan", Double.nan), ("inf", .infinity), ("-inf", -.infinity)] {
    let must = "\(text); it must be finite and >= 0"
    faults.append(Fault("groups[1].lr is \(must)") { $0.groups[1].lr = value })
    faults.append(Fault("groups[1].weight_decay is \(must)") { $0.groups[1].weight_decay = value })
  }
  for (text, value) in [("0", 0), ("-1", -1), ("nan", Double.nan), ("-inf", -.infinity)] {
    let must = "\(text); it must be > 0"
    faults.append(Fault("groups[1].clip_value is \(must)") { $0.groups[1].clip_value = value })
    faults.append(
      Fault("groups[1].clip_tensor_norm is \(must)") { $0.groups[1].clip_tensor_norm = value })
  }
  return faults
}()

/// Faults of the optimizer's number.
let optimizerFaults = [-1, 6, 1000, Int(Int32.max), Int(Int32.min)].map { id in
  Fault("optimizer is \(id); it must be in 0 ..< so_optimizer_count()") {
    $0.plan.optimizer = Int32(id)
  }
}
