import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims
import TestSupport
import XCTest

/// What every registered optimizer must be for the layers above to rely on it.
final class RegistryTests: XCTestCase {
  func testNamesAreUniqueAndKept() {
    let names = OptimizerEntry.all.map(\.name)
    XCTAssertEqual(Set(names).count, names.count, "\(names)")
    // Names are part of the contract: programs look optimizers up by them.
    let known = [
      "sgd", "adam", "adamw", "rmsprop", "adagrad", "lion", "nadam", "radam", "adamax", "adadelta",
      "rprop", "adabelief",
    ]
    XCTAssert(Set(names).isSuperset(of: known), "\(names)")
  }

  func testNumbersBeyondTheRegistryDescribeNothing() {
    let count = Int32(OptimizerEntry.all.count)
    for id in [-1, count, count + 1, .max, .min] {
      XCTAssertNil(describeOptimizer(id), "\(id)")
    }
  }

  func testDescriptionsAreComplete() {
    for optimizer in OptimizerEntry.all {
      let description = optimizer.description
      let name = optimizer.name
      XCTAssertFalse(name.isEmpty)
      XCTAssert(description.default_lr > 0 && description.default_lr <= 1, name)
      XCTAssert(description.default_weight_decay >= 0, name)
      let decays = [SO_DECAY_COUPLED, SO_DECAY_DECOUPLED, SO_DECAY_INDEPENDENT, SO_DECAY_OWN]
      XCTAssert(decays.contains(Int(description.decay)), name)
      XCTAssert((SO_ELEMENTWISE...SO_MATRIX).contains(Int(description.kind)), name)
      // Entries that don't fit were left out, but counted.
      XCTAssertLessThanOrEqual(optimizer.hyperparameters.count, Int(SO_MAX_HYPERPARAMETERS), name)
      XCTAssertLessThanOrEqual(optimizer.slots.count, Int(SO_MAX_SLOTS), name)
      XCTAssertLessThanOrEqual(optimizer.scalars.count, Int(SO_MAX_SCALARS), name)
    }
  }

  func testHyperparametersHaveNamesAndDefaultsWithinTheirBounds() {
    for optimizer in OptimizerEntry.all {
      let names = optimizer.hyperparameters.map { $0.name.map { String(cString: $0) } }
      XCTAssertFalse(names.contains(nil), optimizer.name)
      XCTAssertEqual(Set(names).count, names.count, "\(optimizer.name): \(names)")
      for entry in optimizer.hyperparameters {
        let value = entry.default_value
        XCTAssertGreaterThanOrEqual(value, entry.minimum, optimizer.name)
        XCTAssertLessThanOrEqual(value, entry.maximum, optimizer.name)
        if entry.maximum_is_open != 0 { XCTAssertNotEqual(value, entry.maximum, optimizer.name) }
        if entry.is_flag != 0 {
          XCTAssert([0, 1].contains(value), optimizer.name)
          XCTAssert(entry.minimum == 0 && entry.maximum == 1, optimizer.name)
        }
      }
    }
  }

  func testSlotsAndScalarsHaveNamesAndKnownStarts() {
    for optimizer in OptimizerEntry.all {
      let known = -1..<Int32(optimizer.hyperparameters.count)
      var names = optimizer.slots.map { $0.name.map { String(cString: $0) } }
      for slot in optimizer.slots {
        XCTAssert(known.contains(slot.required_by), optimizer.name)
        XCTAssert(known.contains(slot.initial_value), optimizer.name)
        XCTAssert((SO_SLOT_SIGNED...SO_SLOT_EXACT).contains(Int(slot.content)), optimizer.name)
        XCTAssert((SO_SLOT_FULL...SO_SLOT_COLUMN).contains(Int(slot.form)), optimizer.name)
        XCTAssert((SO_SLOT_OF_ALL...SO_SLOT_OF_OTHERS).contains(Int(slot.owner)), optimizer.name)
        // It starts at one thing.
        if slot.starts_as_parameter != 0 { XCTAssertEqual(slot.initial_value, -1, optimizer.name) }
      }
      names += optimizer.scalars.map { $0.name.map { String(cString: $0) } }
      XCTAssertFalse(names.contains(nil), optimizer.name)
      XCTAssertEqual(Set(names).count, names.count, "\(optimizer.name): \(names)")
      XCTAssertEqual(names[optimizer.slots.count], "step", optimizer.name)
      XCTAssertEqual(optimizer.scalars[0].initial_value, 0, optimizer.name)
    }
  }

  /// Workspaces are aligned to 16 and give each tensor `SO_COEFFICIENT_BYTES`.
  func testCoefficientsFitTheirPlace() {
    var check = CoefficientCheck()
    for optimizer in OptimizerEntry.all { XCTAssert(visitOptimizer(optimizer.id, &check)) }
    XCTAssertEqual(check.count, OptimizerEntry.all.count)
  }

  private struct CoefficientCheck: OptimizerVisitor {
    var count = 0

    mutating func visit<Chosen: Optimizer>(_ optimizer: Chosen.Type) {
      count += 1
      typealias Layout = MemoryLayout<Chosen.Coefficients>
      XCTAssertGreaterThan(Layout.size, 0, "\(optimizer)")
      XCTAssertLessThanOrEqual(Layout.size, Int(SO_COEFFICIENT_BYTES), "\(optimizer)")
      XCTAssertLessThanOrEqual(Layout.alignment, 16, "\(optimizer)")
    }
  }
}
