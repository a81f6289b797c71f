import CSwiftOpt
import SwiftOptShims

// What a feeder's threads call, and so_batch_fill: the plan was checked.

/// Rows that are filled apart from each other: all, or where pairs of rows are mixed (row r
/// with row n - 1 - r) those of the first half, each with its partner.
private func units(_ rows: Int, _ mixes: Bool) -> Int { mixes ? (rows &+ 1) / 2 : rows }

private func unitsPerPart(_ rows: Int, _ mixes: Bool) -> Int {
  !mixes ? rows : rows < 2 ? 1 : rows / 2
}

/// How many parts the batch has: at least one.
public func batchParts(_ fill: UnsafePointer<so_fill>) -> Int64 {
  let plan = fill.pointee.plan
  guard let rows = plan.pointee.rows(ofBatch: Int(fill.pointee.batch)) else { return 1 }
  do throws(DataProblem) {
    let program = try plan.pointee.program()
    let mixes = program?.mixes ?? false
    let space = Workspace(plan, scratchBytes: program?.scratchBytes ?? 0)
    let perPart = unitsPerPart(space.rows, mixes)
    let parts = (units(rows.count, mixes) &+ perPart &- 1) / perPart
    return parts < 1 ? 1 : Int64(parts)
  } catch {
    return 1
  }
}

/// Fills one part.
public func batchFillPart(
  _ fill: UnsafePointer<so_fill>, _ part: Int64, _ workspace: UnsafeMutableRawPointer,
  _ report: UnsafeMutablePointer<so_batch_report>
) {
  let plan = fill.pointee.plan
  do throws(DataProblem) {
    guard let rows = plan.pointee.rows(ofBatch: Int(fill.pointee.batch)) else {
      throw .text("batch_starts")
    }
    let program = try plan.pointee.program()
    let space = Workspace(plan, scratchBytes: program?.scratchBytes ?? 0)
    let filler = PartFill(
      fill: fill, plan: plan,
      order: EpochOrder(plan.pointee.sampler, epoch: fill.pointee.epoch), batch: rows,
      program: program, indices: workspace.assumingMemoryBound(to: Int64.self),
      staging: workspace + space.staging, scratch: workspace + space.scratch, report: report)
    program?.prepare(filler.scratch, seed: plan.pointee.sampler.seed)
    let mixes = program?.mixes ?? false
    let perPart = unitsPerPart(space.rows, mixes)
    let first = Int(part) &* perPart
    let rest = units(rows.count, mixes) &- first
    let count = rest < perPart ? rest : perPart
    filler.fillRows(first, count)
    if mixes { filler.fillPartners(first, count) }
  } catch {
    report.pointee.fault = Int32(SO_FAULT_PLAN)
  }
}

/// Closes the gaps that rows leave which couldn't be read.
public func batchFinish(_ fill: UnsafePointer<so_fill>) {
  let plan = fill.pointee.plan
  guard let rows = plan.pointee.rows(ofBatch: Int(fill.pointee.batch)) else { return }
  for index in 0..<plan.pointee.field_count {
    guard let out = fill.pointee.outputs[Int(index)] else { return }
    let bytes = so_plan_field(plan, index).pointee.rowBytes
    var kept = 0
    for row in 0..<rows.count where fill.pointee.dropped[row] == 0 {
      if kept != row {
        (out + kept &* bytes).copyMemory(from: out + row &* bytes, byteCount: bytes)
      }
      kept &+= 1
    }
  }
}

extension PartFill {
  /// Fills the rows that the first half's are mixed with, and mixes them. The middle row of an
  /// odd number stays as it is.
  fileprivate func fillPartners(_ first: Int, _ count: Int) {
    guard let program, !isFatal else { return }
    let end = batch.count &- first
    let begin = end &- count
    // The part with the middle row has it already.
    let start = begin < first &+ count ? first &+ count : begin
    fillRows(start, end &- start)
    if isFatal { return }
    let imageBytes = so_plan_field(plan, 0).pointee.rowBytes
    let classes = Int(plan.pointee.classes)
    let labelBytes = classes &* 4
    for row in first..<(first &+ count) {
      let partner = batch.count &- 1 &- row
      if partner <= row { break }
      if skips, fill.pointee.dropped[row] != 0 || fill.pointee.dropped[partner] != 0 { continue }
      let labels = classes > 0 ? output(1) : nil
      program.mix(
        output(0) + row &* imageBytes, output(0) + partner &* imageBytes,
        labels: labels.map { ($0 + row &* labelBytes).assumingMemoryBound(to: Float.self) },
        labels.map { ($0 + partner &* labelBytes).assumingMemoryBound(to: Float.self) },
        classes: classes, rowKey(row))
    }
  }

  /// Whose random numbers a pair gets: the first one's. `indices` has the partners by now.
  private func rowKey(_ row: Int) -> SampleKey {
    var sample: Int64 = 0
    let position = batch.first &+ Int64(row) &* batch.step
    order.write(&sample, first: position, step: batch.step, count: 1)
    let number = plan.pointee.keys_by_position != 0 ? position : sample
    return SampleKey(
      seed: plan.pointee.sampler.seed, epoch: fill.pointee.epoch, number: UInt64(bitPattern: number)
    )
  }
}
