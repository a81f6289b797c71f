import CSwiftOpt
import SwiftOptShims
import TestSupport
import XCTest

/// Everything that a plan can have, at once: the same bits for every number of threads, at
/// every level and at every alignment.
final class DeterminismTests: XCTestCase {
  private var threads: Int32 = 0

  override func setUp() { threads = so_threads_get() }

  override func tearDown() {
    so_threads_set(threads)
    _ = so_level_select(nil)
  }

  /// Together more than the 32 768 elements below which a step is serial.
  private func shapes(_ settings: Settings, hasMatrices: Bool) -> [TensorShape] {
    let low = lowDtypes(settings, SO_FLOAT32)
    let bfloat16 = TensorShape(4100, dtype: SO_BFLOAT16).with { $0.slotDtypes = low }
    let matrices = [
      bfloat16.with { ($0.rows, $0.columns, $0.rounding) = (41, 50, SO_ROUND_STOCHASTIC) },
      TensorShape(40_000, group: 1).with { ($0.rows, $0.columns, $0.units) = (200, 200, 200) },
      TensorShape(2046, dtype: SO_FLOAT64).with { ($0.rows, $0.columns) = (3, 31) },
    ]
    return (hasMatrices ? matrices : []) + [
      bfloat16.with { ($0.hasMaster, $0.units, $0.copyDtype) = (true, 50, SO_FLOAT16) },
      bfloat16.with { ($0.rounding, $0.hasAverage) = (SO_ROUND_STOCHASTIC, true) },
      bfloat16.with { ($0.hasCompensation, $0.group) = (true, 1) },
      TensorShape(23_001, dtype: SO_FLOAT32, gradientDtype: SO_FLOAT16, group: 1).with {
        ($0.hasAverage, $0.copyDtype) = (true, SO_BFLOAT16)
      },
      TensorShape(9000, dtype: SO_FLOAT64).with {
        ($0.units, $0.slotDtypes) = (9, lowDtypes(settings, SO_FLOAT64))
      },
      TensorShape(5000, dtype: SO_FLOAT32), TensorShape(0), TensorShape(3, group: 1),
      TensorShape(2047, dtype: SO_FLOAT16, gradientDtype: SO_FLOAT64),
    ]
  }

  /// The smallest dtype that each slot may be stored in and that has its initial value.
  private func lowDtypes(_ settings: Settings, _ computation: Int) -> [Int] {
    zip(settings.optimizer.slots, settings.initialSlots).map { slot, initial in
      if slot.content == SO_SLOT_EXACT || slot.form != SO_SLOT_FULL { return computation }
      if slot.starts_as_parameter != 0 { return SO_BFLOAT16 }
      if let initial, initial != 0 { return SO_BFLOAT16 }
      return slot.content == SO_SLOT_SIGNED ? SO_BLOCK8 : SO_BLOCK8_UNSIGNED
    }
  }

  private struct Result {
    var bytes: [UInt8]
    var report: so_report
  }

  private func result(
    _ settings: Settings, _ options: Options, isShifted: Bool = false, hasMatrices: Bool = true
  ) -> Result {
    let plan = TestPlan(
      settings, shapes(settings, hasMatrices: hasMatrices), groupCount: 2, isShifted: isShifted)
    plan.plan.seed = 42
    plan.plan.gradient_scale = 0.3
    plan.groups[0].weight_decay = 0.1
    (plan.groups[0].average_decay, plan.groups[1].average_decay) = (0.9, 0.99)
    if options.contains(.limits) {
      plan.plan.clip_norm = 2
      plan.groups[0].clip_tensor_norm = 1
      plan.groups[0].clip_unit_ratio = 0.05
      plan.groups[1].clip_value = 0.01
    }
    if options.contains(.cautious) { plan.groups[0].cautious = 1 }
    if options.contains(.norm) {
      plan.plan.flags = UInt32(SO_REPORT_UPDATE_NORM | SO_REPORT_NORM)
    }
    plan.run(steps: 3)
    return Result(bytes: plan.writtenBytes, report: plan.report)
  }

  private struct Options: OptionSet {
    let rawValue: Int
    static let limits = Options(rawValue: 1)
    static let cautious = Options(rawValue: 2)
    static let norm = Options(rawValue: 4)
  }

  private let options: [Options] = [
    [], [.limits], [.cautious], [.norm], [.limits, .cautious, .norm],
  ]

  private func forEachCase(_ body: (Settings, Options) -> Void) {
    for optimizer in OptimizerEntry.all {
      for option in options { body(optimizer.variants.last!, option) }
    }
  }

  private func assertSame(_ results: [Result], _ name: String, line: UInt = #line) {
    for result in results.dropFirst() {
      XCTAssert(haveSameBits(result.bytes, results[0].bytes), name, line: line)
      XCTAssertEqual(result.report.grad_norm, results[0].report.grad_norm, name, line: line)
      XCTAssertEqual(result.report.update_norm, results[0].report.update_norm, name, line: line)
      XCTAssertEqual(
        result.report.clip_coefficient, results[0].report.clip_coefficient, name, line: line)
    }
  }

  func testThreads() {
    forEachCase { settings, options in
      let results = ([1, 2, 5] as [Int32]).map { count in
        so_threads_set(count)
        return result(settings, options)
      }
      assertSame(results, "\(settings), \(options.rawValue)")
    }
  }

  /// Matrix products are the exception: they are only the same for every number of threads.
  func testLevels() {
    so_threads_set(2)
    forEachCase { settings, options in
      let results = InstructionLevel.supported.map { level in
        XCTAssertEqual(so_level_select(so_level_name(level.rawValue)), so_status(SO_OK))
        return result(
          settings, options,
          hasMatrices: settings.optimizer.description.kind != SO_MATRIX)
      }
      assertSame(results, "\(settings), \(options.rawValue)")
    }
  }

  func testAlignments() {
    so_threads_set(2)
    forEachCase { settings, options in
      let results = [false, true].map { result(settings, options, isShifted: $0) }
      assertSame(results, "\(settings), \(options.rawValue)")
    }
  }
}
