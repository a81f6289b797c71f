import CSwiftOpt
import SwiftOptData
import SwiftOptShims

@c @implementation
public func so_sampler_positions(
  _ sampler: UnsafePointer<so_sampler>, _ count: UnsafeMutablePointer<Int64>
) -> so_status {
  do throws(DataProblem) {
    try sampler.pointee.check()
  } catch {
    return fail(error)
  }
  count.pointee = Int64(sampler.pointee.positions)
  return so_status(SO_OK)
}

@c @implementation
public func so_sample_indices(
  _ sampler: UnsafePointer<so_sampler>, _ epoch: UInt64, _ first: Int64, _ count: Int64,
  _ indices: UnsafeMutablePointer<Int64>?
) -> so_status {
  do throws(DataProblem) {
    try sampler.pointee.check()
    let positions = Int64(sampler.pointee.positions)
    guard first >= 0, first <= positions else {
      throw .number(
        what: "first", field: "", value: Double(first), must: "in 0 ... so_sampler_positions")
    }
    guard count >= 0, count <= positions &- first else {
      throw .number(
        what: "count", field: "", value: Double(count),
        must: "in 0 ... so_sampler_positions - first")
    }
    if count == 0 { return so_status(SO_OK) }
    guard let indices else { throw .text("indices is NULL") }
    writeIndices(sampler.pointee, epoch, first: Int(first), count: Int(count), indices)
    return so_status(SO_OK)
  } catch {
    return fail(error)
  }
}

@c @implementation
public func so_alias_table(
  _ weights: UnsafePointer<Double>?, _ count: Int64, _ accept: UnsafeMutablePointer<Double>?,
  _ alias: UnsafeMutablePointer<Int64>?
) -> so_status {
  do throws(DataProblem) {
    try makeAliasTable(weights, count: Int(count), accept, alias)
    return so_status(SO_OK)
  } catch {
    return fail(error)
  }
}

@c @implementation
public func so_batch_count(
  _ plan: UnsafePointer<so_data_plan>, _ count: UnsafeMutablePointer<Int64>
) -> so_status {
  do throws(DataProblem) {
    try check(plan)
  } catch {
    return fail(error)
  }
  count.pointee = Int64(plan.pointee.batches)
  return so_status(SO_OK)
}

@c @implementation
public func so_batch_workspace_size(
  _ plan: UnsafePointer<so_data_plan>, _ size: UnsafeMutablePointer<Int64>
) -> so_status {
  do throws(DataProblem) {
    try check(plan)
    size.pointee = Int64(try workspaceBytes(plan))
    return so_status(SO_OK)
  } catch {
    return fail(error)
  }
}

@c @implementation
public func so_batch_fill(
  _ plan: UnsafePointer<so_data_plan>, _ epoch: UInt64, _ batch: Int64,
  _ outputs: UnsafePointer<UnsafeMutableRawPointer?>, _ workspace: UnsafeMutableRawPointer?,
  _ workspace_size: Int64, _ report: UnsafeMutablePointer<so_batch_report>
) -> so_status {
  let settings = so_float_begin()
  defer { so_float_end(settings) }
  do throws(DataProblem) {
    try check(plan)
    guard batch >= 0, batch < Int64(plan.pointee.batches) else {
      throw .number(
        what: "batch", field: "", value: Double(batch), must: "in 0 ..< so_batch_count")
    }
    try checkOutputs(plan, outputs, slots: 1)
    guard let workspace, UInt(bitPattern: workspace) % 64 == 0,
      workspace_size >= Int64(try workspaceBytes(plan))
    else {
      throw .text("workspace is smaller than so_batch_workspace_size, or not aligned to 64")
    }
    fillBatch(plan, epoch, batch, outputs, workspace, report)
    return fail(report.pointee, skips: plan.pointee.skip_errors != 0)
  } catch {
    return fail(error)
  }
}
