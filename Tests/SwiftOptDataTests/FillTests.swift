import CSwiftOpt
import TestSupport
import XCTest

/// so_batch_fill on memory that ends where nothing may be touched.
final class FillTests: XCTestCase {
  /// Sizes around the vector width, so that every tail is met.
  func testBatchesHoldTheSamplesAndNothingElseIsTouched() throws {
    for elements in [1, 3, 4, 5, 15, 16, 17, 784] {
      for kind in [SO_SAMPLER_SEQUENTIAL, SO_SAMPLER_SHUFFLED] {
        let test = TestPlan(count: 53, elements: elements, batchSize: 10)
        test.plan.sampler.kind = Int32(kind)
        let order = test.order(epoch: 2)
        XCTAssertEqual(test.batches, 6)
        for (batch, placement) in (0..<6).flatMap({ b in Placement.allCases.map { (b, $0) } }) {
          let rows = Array(order[(batch * 10)..<min(53, batch * 10 + 10)])
          let images = GuardedBuffer<Float>(repeating: 0, count: rows.count * elements, placement)
          let labels = GuardedBuffer<Int64>(repeating: 0, count: rows.count, placement)
          XCTAssertEqual(fill(test, 2, batch, images.pointer, labels.pointer), so_status(SO_OK))
          XCTAssertEqual(Array(images.elements), test.expected(rows))
          XCTAssertEqual(Array(labels.elements), rows)
        }
      }
    }
  }

  func testASampleMayLieAtAnyAddress() {
    let test = TestPlan(count: 20, elements: 12, batchSize: 20)
    test.plan.fields.0.base = UnsafeRawPointer(test.samples + 1)
    test.plan.fields.0.dtype = Int32(SO_FLOAT32)
    test.plan.fields.0.divides_by_255 = 0
    test.plan.fields.0.count = 2
    test.plan.fields.0.out_count = 2
    test.plan.fields.0.out_dtype = Int32(SO_FLOAT64)
    test.plan.fields.0.stride = 11
    var images = [Double](repeating: 0, count: 40)
    var labels = [Int64](repeating: 0, count: 20)
    XCTAssertEqual(fill(test, 0, 0, &images, &labels), so_status(SO_OK), test.message)
    for index in 0..<40 {
      let place = test.samples + 1 + index / 2 * 11 + index % 2 * 4
      let value = Double(UnsafeRawPointer(place).loadUnaligned(as: Float.self))
      XCTAssertTrue(images[index] == value || value.isNaN && images[index].isNaN)
    }
  }

  func testRanksVisitWhatOneWould() {
    let test = TestPlan(count: 101, elements: 2, batchSize: 8)
    test.plan.sampler.kind = Int32(SO_SAMPLER_SHUFFLED)
    let all = test.order(epoch: 5)
    test.plan.sampler.world = 4
    for rank in 0..<4 {
      test.plan.sampler.rank = Int64(rank)
      XCTAssertEqual(
        test.order(epoch: 5), stride(from: rank, to: 101, by: 4).map { all[$0] })
    }
  }

  private func fill(
    _ test: TestPlan, _ epoch: UInt64, _ batch: Int, _ images: UnsafeMutableRawPointer,
    _ labels: UnsafeMutableRawPointer
  ) -> so_status {
    var size: Int64 = 0
    XCTAssertEqual(so_batch_workspace_size(&test.plan, &size), so_status(SO_OK), test.message)
    let workspace = UnsafeMutableRawPointer.allocate(byteCount: Int(size), alignment: 64)
    defer { workspace.deallocate() }
    var report = so_batch_report()
    let outputs: [UnsafeMutableRawPointer?] = [images, labels]
    return so_batch_fill(&test.plan, epoch, Int64(batch), outputs, workspace, size, &report)
  }
}
