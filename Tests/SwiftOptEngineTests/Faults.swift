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

/// A plan to get wrong: a float32 and a float64 tensor, and a bfloat16 one with everything
/// that one can have at the same time.
func makeFaultPlan(_ optimizer: String = "adamw") -> TestPlan {
  TestPlan(
    Settings(.named(optimizer)),
    [
      TensorShape(5), TensorShape(3, dtype: SO_FLOAT64, group: 1),
      TensorShape(6, dtype: SO_BFLOAT16, group: 1).with {
        ($0.rows, $0.columns, $0.units) = (2, 3, 3)
        ($0.hasMaster, $0.hasAverage, $0.hasAccumulator) = (true, true, true)
        $0.copyDtype = SO_FLOAT16
        if optimizer == "adamw" { $0.slotDtypes = [SO_BLOCK8, SO_BLOCK8_UNSIGNED] }
      },
    ], groupCount: 2)
}

func shifted(_ pointer: UnsafeMutableRawPointer?, _ bytes: Int) -> UnsafeMutableRawPointer? {
  pointer.map { $0 + bytes }
}

func shifted<Element>(
  _ pointer: UnsafeMutablePointer<Element>?, _ bytes: Int
) -> UnsafeMutablePointer<Element>? {
  pointer.map { (UnsafeMutableRawPointer($0) + bytes).assumingMemoryBound(to: Element.self) }
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

private let flags =
  "it must be a sum of SO_SKIP_NONFINITE, SO_REPORT_NORM and SO_REPORT_UPDATE_NORM"

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
  Fault("plan.flags is 8; \(flags)") { $0.plan.flags = 8 },
  Fault("plan.flags is 4294967295; \(flags)") { $0.plan.flags = .max },
  Fault("plan.reserved is 1; it must be 0") { $0.plan.reserved = 1 },
]

/// Faults of what may change between steps; the second group is the wrong one.
let groupFaults: [Fault] = {
  var faults = [
    Fault("groups[1].maximize is 2; it must be 0 or 1") { $0.groups[1].maximize = 2 },
    Fault("groups[1].maximize is -1; it must be 0 or 1") { $0.groups[1].maximize = -1 },
    Fault("groups[1].cautious is 2; it must be 0 or 1") { $0.groups[1].cautious = 2 },
    Fault("groups[1].cautious is -1; it must be 0 or 1") { $0.groups[1].cautious = -1 },
    Fault("groups[1].zero_gradient is 2; it must be 0 or 1") { $0.groups[1].zero_gradient = 2 },
    Fault("groups[1].zero_gradient is -1; it must be 0 or 1") { $0.groups[1].zero_gradient = -1 },
    Fault("groups[1].decay is -1; it must be SO_DECAY_COUPLED, ..., SO_DECAY_OWN") {
      $0.groups[1].decay = -1
    },
    Fault("groups[1].decay is 4; it must be SO_DECAY_COUPLED, ..., SO_DECAY_OWN") {
      $0.groups[1].decay = 4
    },
    Fault("groups[1].decay is 3; it must be coupled, decoupled or independent for this optimizer") {
      $0.groups[1].decay = Int32(SO_DECAY_OWN)
    },
  ]
  for (text, value) in [("-1", -1), ("nan", Double.nan), ("inf", .infinity), ("-inf", -.infinity)] {
    let must = "\(text); it must be finite and >= 0"
    faults += [
      Fault("groups[1].lr is \(must)") { $0.groups[1].lr = value },
      Fault("groups[1].weight_decay is \(must)") { $0.groups[1].weight_decay = value },
      Fault("groups[1].l1_penalty is \(must)") { $0.groups[1].l1_penalty = value },
      Fault("groups[1].l2_penalty is \(must)") { $0.groups[1].l2_penalty = value },
    ]
  }
  for (text, value) in [("0", 0), ("-1", -1), ("nan", Double.nan), ("-inf", -.infinity)] {
    let must = "\(text); it must be > 0"
    faults += [
      Fault("plan.clip_norm is \(must)") { $0.plan.clip_norm = value },
      Fault("groups[1].clip_value is \(must)") { $0.groups[1].clip_value = value },
      Fault("groups[1].clip_tensor_norm is \(must)") { $0.groups[1].clip_tensor_norm = value },
      Fault("groups[1].clip_unit_ratio is \(must)") { $0.groups[1].clip_unit_ratio = value },
    ]
  }
  for (text, value) in [("0", 0), ("-1", -1), ("nan", Double.nan), ("inf", .infinity)] {
    faults.append(
      Fault("plan.gradient_scale is \(text); it must be finite and > 0") {
        $0.plan.gradient_scale = value
      })
  }
  for (text, value) in [("-0.5", -0.5), ("1.5", 1.5), ("nan", Double.nan), ("inf", .infinity)] {
    faults.append(
      Fault("groups[1].average_decay is \(text); it must be in [0, 1]") {
        $0.groups[1].average_decay = value
      })
  }
  return faults
}()

/// Faults of the optimizer's number.
let optimizerFaults = [-1, OptimizerEntry.all.count, 1000, Int(Int32.max), Int(Int32.min)].map {
  id in
  Fault("optimizer is \(id); it must be in 0 ..< so_optimizer_count()") {
    $0.plan.optimizer = Int32(id)
  }
}
