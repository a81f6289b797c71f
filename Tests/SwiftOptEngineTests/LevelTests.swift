import CSwiftOpt
import Glibc
import SwiftOptShims
import TestSupport
import XCTest

/// Choosing an instruction level, and what doesn't depend on it.
final class LevelTests: XCTestCase {
  private var environment: String?

  override func setUp() {
    environment = getenv("SWIFTOPT_LEVEL").map { String(cString: $0) }
    unsetenv("SWIFTOPT_LEVEL")
    XCTAssertEqual(so_level_select(nil), so_status(SO_OK))
  }

  override func tearDown() {
    unsetenv("SWIFTOPT_LEVEL")
    _ = so_level_select(nil)
    if let environment { setenv("SWIFTOPT_LEVEL", environment, 1) }
  }

  func testLevelsHaveNames() {
    XCTAssertEqual(so_level_count(), 3)
    XCTAssertEqual(
      (-1...3).map { String(cString: so_level_name($0)) }, ["", "baseline", "avx2", "avx512", ""])
    XCTAssertEqual(so_level_supported(0), 1)
    XCTAssertEqual(so_level_supported(-1), 0)
    XCTAssertEqual(so_level_supported(3), 0)
  }

  func testEverySupportedLevelCanBeChosen() {
    for index in 0..<so_level_count() {
      let status = so_level_select(so_level_name(index))
      if so_level_supported(index) == 1 {
        XCTAssertEqual(status, so_status(SO_OK))
        XCTAssertEqual(so_level_current(), index)
      } else {
        let before = so_level_current()
        XCTAssertEqual(status, so_status(SO_UNSUPPORTED))
        XCTAssertEqual(so_level_current(), before)
        XCTAssertEqual(
          lastError,
          "instruction level '\(String(cString: so_level_name(index)))' is not supported by this "
            + "machine; it must be baseline, avx2 or avx512")
      }
    }
    XCTAssertEqual(so_level_select(nil), so_status(SO_OK))
    XCTAssertEqual(so_level_current(), so_level_highest())
  }

  func testUnknownNamesLeaveTheLevelAsItIs() {
    XCTAssertEqual(so_level_select("baseline"), so_status(SO_OK))
    for name in ["", "AVX2", "avx", "avx5120", String(repeating: "x", count: 1000)] {
      XCTAssertEqual(so_level_select(name), so_status(SO_INVALID_VALUE), name)
      XCTAssertEqual(
        lastError,
        "instruction level '\(name.prefix(64))' is unknown; it must be baseline, avx2 or avx512")
      XCTAssertEqual(so_level_current(), 0)
    }
  }

  func testTheEnvironmentChoosesAtFirstUse() {
    setenv("SWIFTOPT_LEVEL", "baseline", 1)
    so_level_store(-1)
    XCTAssertEqual(so_level_current(), 0)
    // Later the choice stays as it is.
    unsetenv("SWIFTOPT_LEVEL")
    XCTAssertEqual(so_level_current(), 0)
    XCTAssertEqual(so_level_select(nil), so_status(SO_OK))
    XCTAssertEqual(so_level_current(), so_level_highest())
  }

  func testAWrongEnvironmentIsAnErrorOfTheStep() {
    let message = "instruction level 'sse9' is unknown; it must be baseline, avx2 or avx512"
    setenv("SWIFTOPT_LEVEL", "sse9", 1)
    XCTAssertEqual(so_level_select(nil), so_status(SO_INVALID_VALUE))
    XCTAssertEqual(lastError, message)
    let plan = TestPlan(Settings(.named("adamw")), [TensorShape(3)])
    XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError)
    so_level_store(-1)
    XCTAssertEqual(so_level_current(), -1)
    assertRefuses(plan, Fault(message) { _ in }, "so_optimizer_step") { plan.step() }
    // A level chosen by name needs no environment.
    XCTAssertEqual(so_level_select("baseline"), so_status(SO_OK))
    XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
  }

  func testEveryLevelTakesTheSameSteps() {
    let shapes = [
      TensorShape(4097), TensorShape(4097, dtype: SO_FLOAT32, gradientDtype: SO_FLOAT64),
    ]
    for optimizer in OptimizerEntry.all {
      var results: [(bytes: [UInt8], norm: Double)] = []
      for level in InstructionLevel.supported {
        XCTAssertEqual(so_level_select(so_level_name(level.rawValue)), so_status(SO_OK))
        let plan = TestPlan(optimizer.variants.last!, shapes)
        plan.plan.clip_norm = 3
        plan.run(steps: 3)
        results.append((plan.writtenBytes, plan.report.grad_norm))
      }
      for result in results.dropFirst() {
        XCTAssert(haveSameBits(result.bytes, results[0].bytes), optimizer.name)
        XCTAssertEqual(result.norm, results[0].norm, optimizer.name)
      }
    }
  }
}
