import CSwiftOpt
import SwiftOptData
import SwiftOptOptimizers
import SwiftOptShims

@c @implementation
public func so_feeder_open(
  _ plan: UnsafePointer<so_data_plan>, _ epoch: UInt64, _ first_batch: Int64,
  _ outputs: UnsafePointer<UnsafeMutableRawPointer?>, _ slot_count: Int32, _ threads: Int32,
  _ feeder: UnsafeMutablePointer<OpaquePointer?>
) -> so_status {
  do throws(DataProblem) {
    try check(plan)
    guard first_batch >= 0, first_batch <= Int64(plan.pointee.batches) else {
      throw .number(
        what: "first_batch", field: "", value: Double(first_batch),
        must: "in 0 ... so_batch_count")
    }
    guard slot_count >= 2, slot_count <= Int32(SO_FEEDER_MAX_SLOTS) else {
      throw .number(
        what: "slot_count", field: "", value: Double(slot_count),
        must: "in 2 ... SO_FEEDER_MAX_SLOTS")
    }
    guard threads >= 1, threads <= Int32(SO_FEEDER_MAX_THREADS) else {
      throw .number(
        what: "threads", field: "", value: Double(threads), must: "in 1 ... SO_FEEDER_MAX_THREADS")
    }
    try checkOutputs(plan, outputs, slots: Int(slot_count))
    var filler = so_filler(
      batch_count: Int64(plan.pointee.batches), batch_size: plan.pointee.batch_size,
      workspace_bytes: Int64(try workspaceBytes(plan)),
      is_short: isInMemory(plan) ? 1 : 0, parts: { batchParts($0) },
      fill: { batchFillPart($0, $1, $2, $3) }, finish: { batchFinish($0) })
    feeder.pointee = so_feeder_start(
      plan, &filler, epoch, first_batch, outputs, slot_count, threads)
  } catch {
    return fail(error)
  }
  if feeder.pointee != nil { return so_status(SO_OK) }
  so_error_set(characters("there is no memory for a feeder, or no thread can be started"))
  return so_status(SO_UNSUPPORTED)
}

@c @implementation
public func so_feeder_next(
  _ feeder: OpaquePointer, _ milliseconds: Int32, _ slot: UnsafeMutablePointer<Int64>,
  _ report: UnsafeMutablePointer<so_batch_report>
) -> so_status {
  guard milliseconds >= 0 else {
    return fail(
      .number(what: "milliseconds", field: "", value: Double(milliseconds), must: "0 or more"))
  }
  let status = so_feeder_take(feeder, milliseconds, slot, report)
  switch Int(status) {
  case SO_INVALID_VALUE, SO_READ_FAILED:
    return fail(report.pointee, skips: false)
  case SO_UNSUPPORTED:
    so_error_set(
      characters("this process is a fork of the one that has the feeder's threads: open another"))
  default: break
  }
  return status
}

@c @implementation
public func so_feeder_close(_ feeder: OpaquePointer?) { so_feeder_stop(feeder) }
