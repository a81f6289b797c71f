import CSwiftOpt
import SwiftOptShims

/// One thread's work on one part of a batch.
struct PartFill {
  let fill: UnsafePointer<so_fill>
  let plan: UnsafePointer<so_data_plan>
  let order: EpochOrder
  let batch: BatchRows
  let program: AugmentationProgram?
  /// The samples of the rows that are filled at the moment.
  let indices: UnsafeMutablePointer<Int64>
  let staging: UnsafeMutableRawPointer
  let scratch: UnsafeMutableRawPointer
  let report: UnsafeMutablePointer<so_batch_report>

  /// Fills the rows from `first` on, all fields.
  func fillRows(_ first: Int, _ count: Int) {
    if count <= 0 || so_fill_is_stopped(fill) != 0 { return }
    order.write(
      indices, first: batch.first &+ Int64(first) &* batch.step, step: batch.step, count: count)
    let samples = plan.pointee.sampler.sample_count
    for row in 0..<count where indices[row] < 0 || indices[row] >= samples {
      return note(SO_FAULT_INDEX, field: 0, row: first &+ row, value: indices[row])
    }
    if skips { for row in 0..<count { fill.pointee.dropped[first &+ row] = 0 } }
    for index in 0..<plan.pointee.field_count {
      let field = so_plan_field(plan, index)
      if field.pointee.offsets != nil {
        fillRagged(field, index, first, count)
      } else if field.pointee.files != nil {
        fillFromFiles(field, index, first, count)
      } else {
        fillFromMemory(field, index, first, count)
      }
      if isFatal || so_fill_is_stopped(fill) != 0 { return }
    }
    if !skips { report.pointee.samples &+= Int64(count) }
    if skips {
      for row in 0..<count where fill.pointee.dropped[first &+ row] == 0 {
        report.pointee.samples &+= 1
      }
    }
  }

  var skips: Bool { plan.pointee.skip_errors != 0 }

  /// Whether the batch can't be used.
  var isFatal: Bool {
    let fault = report.pointee.fault
    return fault != 0 && !(skips && fault == SO_FAULT_READ)
  }

  func output(_ index: Int32) -> UnsafeMutableRawPointer {
    // Checked: there is an output for each field.
    fill.pointee.outputs[Int(index)].unsafelyUnwrapped
  }

  /// Takes down a fault, unless an earlier row has one; those that are skipped don't count then.
  func note(
    _ fault: Int, field: Int32, row: Int, value: Int64, file: Int32 = 0, offset: Int64 = 0,
    error: Int32 = 0
  ) {
    let isFirst = report.pointee.fault == 0 || report.pointee.fault_row > Int64(row)
    guard isFirst || (!isFatal && fault != SO_FAULT_READ) else { return }
    report.pointee.fault = Int32(fault)
    report.pointee.fault_field = field
    report.pointee.fault_row = Int64(row)
    report.pointee.fault_value = value
    report.pointee.fault_file = file
    report.pointee.fault_offset = offset
    report.pointee.fault_errno = error
  }
}
