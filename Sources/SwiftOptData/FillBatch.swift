import CSwiftOpt
import SwiftOptShims

/// Bytes that a thread needs to fill parts of a plan's batches, and before them, for
/// so_batch_fill, a byte for each row.
public func workspaceBytes(_ plan: UnsafePointer<so_data_plan>) throws(DataProblem) -> Int {
  let program = try plan.pointee.program()
  return droppedBytes(plan) &+ Workspace(plan, scratchBytes: program?.scratchBytes ?? 0).bytes
}

private func droppedBytes(_ plan: UnsafePointer<so_data_plan>) -> Int {
  plan.pointee.skip_errors != 0 ? (Int(plan.pointee.batch_size) &+ 63) & ~63 : 0
}

/// Whether no file is read for any field.
public func isInMemory(_ plan: UnsafePointer<so_data_plan>) -> Bool {
  for index in 0..<plan.pointee.field_count where so_plan_field(plan, index).pointee.files != nil {
    return false
  }
  return true
}

/// Fills one batch on this thread.
public func fillBatch(
  _ plan: UnsafePointer<so_data_plan>, _ epoch: UInt64, _ batch: Int64,
  _ outputs: UnsafePointer<UnsafeMutableRawPointer?>, _ workspace: UnsafeMutableRawPointer,
  _ report: UnsafeMutablePointer<so_batch_report>
) {
  var fill = so_fill(
    plan: plan, epoch: epoch, batch: batch, outputs: outputs,
    dropped: workspace.assumingMemoryBound(to: UInt8.self), stop: nil)
  so_report_begin(report)
  for part in 0..<batchParts(&fill) {
    var partReport = so_batch_report()
    batchFillPart(&fill, part, workspace + droppedBytes(plan), &partReport)
    so_report_merge(report, &partReport, plan.pointee.skip_errors)
  }
  if report.pointee.read_errors > 0 { batchFinish(&fill) }
}

/// The samples at positions of a sampler's own rank.
public func writeIndices(
  _ sampler: so_sampler, _ epoch: UInt64, first: Int, count: Int,
  _ indices: UnsafeMutablePointer<Int64>
) {
  EpochOrder(sampler, epoch: epoch).write(
    indices, first: Int64(first) &* sampler.world &+ sampler.rank, step: sampler.world,
    count: count)
}

/// That there is a place for each field in each slot.
public func checkOutputs(
  _ plan: UnsafePointer<so_data_plan>, _ outputs: UnsafePointer<UnsafeMutableRawPointer?>,
  slots: Int
) throws(DataProblem) {
  let fields = Int(plan.pointee.field_count)
  for index in 0..<(slots &* fields) {
    guard let output = outputs[index] else {
      throw .item(what: "outputs", index: index, text: "is NULL")
    }
    let field = so_plan_field(plan, Int32(truncatingIfNeeded: index % fields)).pointee
    guard UInt(bitPattern: output) % UInt(elementSize(field.out_dtype)) == 0 else {
      throw .item(
        what: "outputs", index: index, text: "is not aligned to the size of its elements")
    }
  }
}
