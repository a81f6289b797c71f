import CSwiftOpt
import SwiftOptShims

extension PartFill {
  /// Writes rows of a batch from samples that lie one after the other. `row` counts from the
  /// batch's start, and `index` is the sample's place in `indices`.
  @inline(__always)
  func writeRows(
    _ field: UnsafePointer<so_data_field>, _ number: Int32, _ source: UnsafeRawPointer, row: Int,
    index: Int, count: Int
  ) {
    let out = output(number) + row &* field.pointee.rowBytes
    if number == 0, let program {
      for offset in 0..<count {
        program.apply(
          source + offset &* field.pointee.sampleBytes, to: out + offset &* field.pointee.rowBytes,
          key(row: row &+ offset, index: index &+ offset), scratch)
      }
    } else if number == 1, plan.pointee.classes > 0 {
      for offset in 0..<count {
        writeClass(
          field, source + offset &* field.pointee.sampleBytes, row: row &+ offset,
          to: (out + offset &* field.pointee.rowBytes).assumingMemoryBound(to: Float.self))
      }
    } else {
      convert(
        source, field.pointee.dtype, to: out, field.pointee.out_dtype,
        count: count &* Int(field.pointee.count), dividesBy255: field.pointee.divides_by_255 != 0)
    }
  }

  /// Whose random numbers a row gets.
  @inline(__always)
  func key(row: Int, index: Int) -> SampleKey {
    let position = batch.first &+ Int64(row) &* batch.step
    let number = plan.pointee.keys_by_position != 0 ? position : indices[index]
    return SampleKey(
      seed: plan.pointee.sampler.seed, epoch: fill.pointee.epoch, number: UInt64(bitPattern: number)
    )
  }

  /// A label as a row with a 1 at its place.
  private func writeClass(
    _ field: UnsafePointer<so_data_field>, _ source: UnsafeRawPointer, row: Int,
    to out: UnsafeMutablePointer<Float>
  ) {
    let classes = Int(plan.pointee.classes)
    let label = integer(source, field.pointee.dtype)
    for place in 0..<classes { out[place] = 0 }
    guard label >= 0, label < Int64(classes) else {
      return note(SO_FAULT_CLASS, field: 1, row: row, value: label)
    }
    out[Int(label)] = 1
  }

  private func integer(_ source: UnsafeRawPointer, _ dtype: so_dtype) -> Int64 {
    var value: Int64 = 0
    if dtype == so_dtype(SO_UINT64) {
      // One that is no Int64 becomes negative, so no class either.
      return source.loadUnaligned(as: Int64.self)
    }
    widen(source, dtype, &value, count: 1)
    return value
  }
}
