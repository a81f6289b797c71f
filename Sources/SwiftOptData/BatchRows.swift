import CSwiftOpt
import SwiftOptShims

/// Which positions of the epoch a batch has: row r is at first + r × step.
struct BatchRows {
  var first: Int64
  var step: Int64
  var count: Int
}

extension so_data_plan {
  /// The batches that this rank has in an epoch.
  public var batches: Int {
    if batch_starts != nil {
      return batch_count <= sampler.rank
        ? 0 : Int((batch_count &- sampler.rank &- 1) / sampler.world &+ 1)
    }
    let positions = sampler.positions
    let whole = positions / Int(batch_size)
    return drop_last != 0 || positions % Int(batch_size) == 0 ? whole : whole &+ 1
  }

  /// Nil if the plan is no longer as it was checked.
  func rows(ofBatch batch: Int) -> BatchRows? {
    guard let starts = batch_starts else {
      let first = batch &* Int(batch_size)
      let rest = sampler.positions &- first
      return BatchRows(
        first: Int64(first) &* sampler.world &+ sampler.rank, step: sampler.world,
        count: rest < Int(batch_size) ? rest : Int(batch_size))
    }
    let number = batch &* Int(sampler.world) &+ Int(sampler.rank)
    let (begin, end) = (starts[number], starts[number &+ 1])
    guard begin >= 0, begin <= end, end <= sampler.length, end &- begin <= batch_size else {
      return nil
    }
    return BatchRows(first: begin, step: 1, count: Int(end &- begin))
  }

  /// Nil where field 0 is only converted.
  func program() throws(DataProblem) -> AugmentationProgram? {
    if augment_length == 0 { return nil }
    return try augmentation()
  }

  func augmentation() throws(DataProblem) -> AugmentationProgram {
    let field = fields.0
    return try AugmentationProgram(
      augment, Int(augment_length),
      source: SampleForm(
        dtype: field.dtype, height: Int(height), width: Int(width), channels: Int(channels)),
      outDtype: field.out_dtype, dividesBy255: field.divides_by_255 != 0)
  }
}

extension so_data_field {
  /// Bytes of a sample as it is stored, and of a row of the batch.
  var sampleBytes: Int { Int(count) &* elementSize(dtype) }
  var rowBytes: Int { Int(out_count) &* elementSize(out_dtype) }
}
