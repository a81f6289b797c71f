import CSwiftOpt
import XCTest

/// A feeder gives the batches that so_batch_fill would, whatever its threads do.
final class FeederTests: XCTestCase {
  func testBatchesComeInOrderForAnyThreadsAndSlots() throws {
    for (threads, slots): (Int32, Int32) in [(1, 2), (2, 2), (3, 4), (8, 3), (16, 40)] {
      let test = TestPlan(count: 1003, elements: 500, batchSize: 40)
      test.plan.sampler.kind = Int32(SO_SAMPLER_SHUFFLED)
      let order = test.order(epoch: 7)
      for first in [0, 25, 26] {
        let ring = Ring(test, slots: Int(slots))
        let feeder = try ring.open(epoch: 7, first: first, threads: threads)
        defer { so_feeder_close(feeder) }
        for batch in first..<26 {
          let (slot, report) = try ring.next(feeder)
          let rows = Array(order[(batch * 40)..<min(1003, batch * 40 + 40)])
          XCTAssertEqual(report.samples, Int64(rows.count))
          XCTAssertEqual(Array(ring.labels[slot].prefix(rows.count)), rows)
          XCTAssertEqual(
            Array(ring.images[slot].prefix(rows.count * 500)), test.expected(rows))
        }
        XCTAssertEqual(try ring.next(feeder).slot, SO_FEEDER_END)
        XCTAssertEqual(try ring.next(feeder).slot, SO_FEEDER_END)
      }
    }
  }

  func testAFeederThatNobodyAsksCanBeClosed() throws {
    let test = TestPlan(count: 10_000, elements: 100, batchSize: 50)
    for threads: Int32 in [1, 4] {
      let ring = Ring(test, slots: 4)
      let start = ContinuousClock.now
      so_feeder_close(try ring.open(epoch: 0, first: 0, threads: threads))
      XCTAssertLessThan(ContinuousClock.now - start, .milliseconds(100))
    }
    so_feeder_close(nil)
  }

  func testWaitingEnds() throws {
    // A slot that is never given back: the next but one batch can't be filled.
    let test = TestPlan(count: 100, elements: 4, batchSize: 50)
    let ring = Ring(test, slots: 2)
    let feeder = try ring.open(epoch: 0, first: 2, threads: 1)
    defer { so_feeder_close(feeder) }
    XCTAssertEqual(try ring.next(feeder).slot, SO_FEEDER_END)
  }

  func testAnIndexThatIsOutOfRangeEndsTheEpochThere() throws {
    let test = TestPlan(count: 100, elements: 4, batchSize: 10)
    var listed = (0..<100).map { Int64($0) }
    listed[35] = 100
    try listed.withUnsafeBufferPointer { listed in
      test.plan.sampler.kind = Int32(SO_SAMPLER_LISTED)
      test.plan.sampler.listed = listed.baseAddress
      let ring = Ring(test, slots: 5)
      let feeder = try ring.open(epoch: 0, first: 0, threads: 3)
      defer { so_feeder_close(feeder) }
      for _ in 0..<3 { XCTAssertGreaterThanOrEqual(try ring.next(feeder).slot, 0) }
      for _ in 0..<2 {
        var slot: Int64 = 0
        var report = so_batch_report()
        XCTAssertEqual(
          so_feeder_next(feeder, 10_000, &slot, &report), so_status(SO_INVALID_VALUE))
        XCTAssertEqual(report.fault, Int32(SO_FAULT_INDEX))
        XCTAssertEqual(report.fault_row, 5)
        XCTAssertEqual(test.message, "sampler.index is 100; it must be in 0 ..< sample_count")
      }
    }
  }
}

private final class Ring {
  let test: TestPlan
  let images: [UnsafeMutableBufferPointer<Float>]
  let labels: [UnsafeMutableBufferPointer<Int64>]

  init(_ test: TestPlan, slots: Int) {
    self.test = test
    let rows = Int(test.plan.batch_size)
    images = (0..<slots).map { _ in .allocate(capacity: rows * test.elements) }
    labels = (0..<slots).map { _ in .allocate(capacity: rows) }
  }

  deinit {
    for buffer in images { buffer.deallocate() }
    for buffer in labels { buffer.deallocate() }
  }

  func open(epoch: UInt64, first: Int, threads: Int32) throws -> OpaquePointer {
    let outputs = zip(images, labels).flatMap { images, labels in
      [
        images.baseAddress.map { UnsafeMutableRawPointer($0) },
        labels.baseAddress.map { UnsafeMutableRawPointer($0) },
      ]
    }
    var feeder: OpaquePointer?
    XCTAssertEqual(
      so_feeder_open(
        &test.plan, epoch, Int64(first), outputs, Int32(images.count), threads, &feeder),
      so_status(SO_OK), test.message)
    return try XCTUnwrap(feeder)
  }

  func next(_ feeder: OpaquePointer) throws -> (slot: Int, report: so_batch_report) {
    var slot: Int64 = 0
    var report = so_batch_report()
    XCTAssertEqual(so_feeder_next(feeder, 10_000, &slot, &report), so_status(SO_OK), test.message)
    return (Int(slot), report)
  }
}
