import CSwiftOpt
import XCTest

/// A plan of two fields in memory: rows of bytes, and their numbers as labels.
final class TestPlan {
  let count: Int
  let elements: Int
  var plan = so_data_plan()
  let samples: UnsafeMutablePointer<UInt8>
  let labels: UnsafeMutablePointer<Int64>

  init(count: Int, elements: Int, batchSize: Int) {
    self.count = count
    self.elements = elements
    samples = .allocate(capacity: count * elements)
    labels = .allocate(capacity: count)
    for index in 0..<(count * elements) {
      samples[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index / 256)
    }
    for index in 0..<count { labels[index] = Int64(index) }
    plan.sampler.sample_count = Int64(count)
    plan.sampler.length = Int64(count)
    plan.sampler.world = 1
    plan.batch_size = Int64(batchSize)
    plan.field_count = 2
    plan.fields.0 = field(SO_UINT8, SO_FLOAT32, samples, elements, stride: elements)
    plan.fields.0.divides_by_255 = 1
    plan.fields.1 = field(SO_INT64, SO_INT64, labels, 1, stride: 8)
  }

  deinit {
    samples.deallocate()
    labels.deallocate()
  }

  func field(
    _ dtype: Int, _ out: Int, _ base: UnsafeRawPointer, _ count: Int, stride: Int
  ) -> so_data_field {
    var field = so_data_field()
    field.dtype = Int32(dtype)
    field.out_dtype = Int32(out)
    field.count = Int64(count)
    field.out_count = Int64(count)
    field.base = base
    field.stride = Int64(stride)
    return field
  }

  var batches: Int {
    var batches: Int64 = -1
    XCTAssertEqual(so_batch_count(&plan, &batches), so_status(SO_OK), message)
    return Int(batches)
  }

  /// The samples of an epoch in their order.
  func order(epoch: UInt64) -> [Int64] {
    var positions: Int64 = 0
    XCTAssertEqual(so_sampler_positions(&plan.sampler, &positions), so_status(SO_OK), message)
    var indices = [Int64](repeating: -1, count: Int(positions))
    XCTAssertEqual(
      so_sample_indices(&plan.sampler, epoch, 0, positions, &indices), so_status(SO_OK), message)
    return indices
  }

  var message: String { String(cString: so_last_error()) }

  /// What must be in the batch's first field.
  func expected(_ samples: some Sequence<Int64>) -> [Float] {
    samples.flatMap { sample in
      (0..<elements).map { Float(self.samples[Int(sample) * elements + $0]) / 255 }
    }
  }
}
