import CSwiftOpt
import XCTest

/// Every way in which a plan can be wrong is refused, and the message says which.
final class PlanErrorTests: XCTestCase {
  func testBadPlansAreRefused() {
    var file = so_data_file()
    withUnsafeMutablePointer(to: &file) { file in
      let faults: [(String, (TestPlan) -> Void)] = [
        ("sampler.kind is 4", { $0.plan.sampler.kind = 4 }),
        ("sampler.kind is -1", { $0.plan.sampler.kind = -1 }),
        ("sampler.sample_count is 0", { $0.plan.sampler.sample_count = 0 }),
        ("sampler.sample_count is", { $0.plan.sampler.sample_count = .max }),
        ("sampler.length is 29; it must be sample_count", { $0.plan.sampler.length = 29 }),
        ("sampler.length is 0", { $0.plan.sampler.length = 0 }),
        ("sampler.world is 0", { $0.plan.sampler.world = 0 }),
        ("sampler.rank is 1", { $0.plan.sampler.rank = 1 }),
        ("sampler.rank is -1", { $0.plan.sampler.rank = -1 }),
        ("sampler.accept is NULL", { $0.plan.sampler.kind = Int32(SO_SAMPLER_WEIGHTED) }),
        ("sampler.listed is NULL", { $0.plan.sampler.kind = Int32(SO_SAMPLER_LISTED) }),
        ("plan.batch_size is 0", { $0.plan.batch_size = 0 }),
        ("plan.batch_size is", { $0.plan.batch_size = .max }),
        ("plan.drop_last is 2", { $0.plan.drop_last = 2 }),
        ("plan.skip_errors is -1", { $0.plan.skip_errors = -1 }),
        ("plan.keys_by_position is 7", { $0.plan.keys_by_position = 7 }),
        ("plan.field_count is 0", { $0.plan.field_count = 0 }),
        ("plan.field_count is 17", { $0.plan.field_count = 17 }),
        ("plan.classes is -1", { $0.plan.classes = -1 }),
        ("fields[1]: with classes it must be", { $0.plan.classes = 3 }),
        ("plan.augment_length is -1", { $0.plan.augment_length = -1 }),
        ("plan.augment is NULL", { $0.plan.augment_length = 3 }),
        ("fields[0]: its dtype is none", { $0.plan.fields.0.dtype = 0 }),
        ("fields[0]: its dtype is none", { $0.plan.fields.0.dtype = Int32(SO_BLOCK8) }),
        ("fields[0]: its dtype can't be", { $0.plan.fields.0.out_dtype = Int32(SO_INT8) }),
        ("fields[1].divides_by_255 is 1", { $0.plan.fields.1.divides_by_255 = 1 }),
        ("fields[0].is_batch is 2", { $0.plan.fields.0.is_batch = 2 }),
        ("fields[0].count is 0", { $0.plan.fields.0.count = 0 }),
        ("fields[0].count is", { $0.plan.fields.0.count = .max }),
        ("fields[0].out_count is 8", { $0.plan.fields.0.out_count = 8 }),
        ("fields[1].out_count is 0", { $0.plan.fields.1.out_count = 0 }),
        ("fields[0]: its base is NULL", { $0.plan.fields.0.base = nil }),
        ("fields[0].stride is", { $0.plan.fields.0.stride = .min }),
        ("fields[0].stride is", { $0.plan.fields.0.stride = 1 << 59 }),
        (
          "fields[0].file_count is 0",
          {
            $0.plan.fields.0.files = UnsafePointer(file)
          }
        ),
        (
          "files[0].descriptor is -1",
          {
            self.setFile($0, file)
            file.pointee.descriptor = -1
          }
        ),
        (
          "files[0].count is 31",
          {
            self.setFile($0, file)
            file.pointee.count = 31
          }
        ),
        (
          "files[0].first is 1",
          {
            self.setFile($0, file)
            file.pointee.first = 1
          }
        ),
        (
          "files[0].offset is -1",
          {
            self.setFile($0, file)
            file.pointee.offset = -1
          }
        ),
        (
          "fields[0]: the counts of its files don't add up",
          {
            self.setFile($0, file)
            file.pointee.count = 29
          }
        ),
        (
          "fields[0]: its cache.slots is NULL",
          {
            self.setFile($0, file)
            $0.plan.fields.0.cache.samples = UnsafeMutableRawPointer(file)
          }
        ),
      ]
      for (text, fault) in faults {
        let test = TestPlan(count: 30, elements: 7, batchSize: 4)
        fault(test)
        var count: Int64 = -7
        let status = so_batch_count(&test.plan, &count)
        XCTAssertTrue(
          status == so_status(SO_INVALID_VALUE) || status == so_status(SO_INVALID_TYPE), text)
        XCTAssertTrue(test.message.hasPrefix(text), "\(text): \(test.message)")
        XCTAssertEqual(count, -7)
      }
    }
  }

  private func setFile(_ test: TestPlan, _ file: UnsafeMutablePointer<so_data_file>) {
    file.pointee = so_data_file(descriptor: 0, reserved: 0, offset: 0, first: 0, count: 30)
    test.plan.fields.0.files = UnsafePointer(file)
    test.plan.fields.0.file_count = 1
  }

  func testArgumentsOfCallsAreChecked() {
    let test = TestPlan(count: 30, elements: 7, batchSize: 4)
    var report = so_batch_report()
    var images = [Float](repeating: 5, count: 28)
    var labels = [Int64](repeating: 5, count: 4)
    var size: Int64 = 0
    XCTAssertEqual(so_batch_workspace_size(&test.plan, &size), so_status(SO_OK))
    let workspace = UnsafeMutableRawPointer.allocate(byteCount: Int(size) + 64, alignment: 64)
    defer { workspace.deallocate() }
    images.withUnsafeMutableBytes { images in
      labels.withUnsafeMutableBytes { labels in
        let good: [UnsafeMutableRawPointer?] = [images.baseAddress, labels.baseAddress]
        let absent: [UnsafeMutableRawPointer?] = [images.baseAddress, nil]
        let odd: [UnsafeMutableRawPointer?] = [images.baseAddress! + 1, labels.baseAddress]
        for (text, batch, outputs, place, room):
          (
            String, Int64, [UnsafeMutableRawPointer?], UnsafeMutableRawPointer?, Int64
          ) in [
            ("batch is -1", -1, good, workspace, size),
            ("batch is 8", 8, good, workspace, size),
            ("outputs[1]: is NULL", 0, absent, workspace, size),
            ("outputs[0]: is not aligned", 0, odd, workspace, size),
            ("workspace is smaller", 0, good, nil, size),
            ("workspace is smaller", 0, good, workspace, size - 1),
            ("workspace is smaller", 0, good, workspace + 8, size),
          ]
        {
          XCTAssertEqual(
            so_batch_fill(&test.plan, 0, batch, outputs, place, room, &report),
            so_status(SO_INVALID_VALUE))
          XCTAssertTrue(test.message.hasPrefix(text), "\(text): \(test.message)")
        }
        var feeder: OpaquePointer?
        for (text, first, slots, threads): (String, Int64, Int32, Int32) in [
          ("first_batch is 9", 9, 2, 1), ("first_batch is -1", -1, 2, 1),
          ("slot_count is 1;", 0, 1, 1), ("threads is 0", 0, 2, 0), ("threads is 65", 0, 2, 65),
        ] {
          XCTAssertEqual(
            so_feeder_open(&test.plan, 0, first, good + good, slots, threads, &feeder),
            so_status(SO_INVALID_VALUE))
          XCTAssertTrue(test.message.hasPrefix(text), "\(text): \(test.message)")
          XCTAssertNil(feeder)
        }
      }
    }
    XCTAssertTrue(images.allSatisfy { $0 == 5 } && labels.allSatisfy { $0 == 5 })
  }
}
