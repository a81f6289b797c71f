import CSwiftOpt
import SwiftOptShims

extension PartFill {
  /// Gathers samples of different lengths, each padded to the batch's longest.
  func fillRagged(
    _ field: UnsafePointer<so_data_field>, _ number: Int32, _ first: Int, _ count: Int
  ) {
    guard let base = field.pointee.base, let longest = longest(field, number) else { return }
    let itemBytes = field.pointee.sampleBytes
    let outItem = Int(field.pointee.count) &* elementSize(field.pointee.out_dtype)
    for row in 0..<count {
      if so_fill_is_stopped(fill) != 0 { return }
      guard let items = items(field, indices[row]), items.count <= longest else {
        return note(SO_FAULT_OFFSETS, field: number, row: first &+ row, value: indices[row])
      }
      let out = output(number) + (first &+ row) &* longest &* outItem
      convert(
        base + items.lowerBound &* itemBytes, field.pointee.dtype, to: out,
        field.pointee.out_dtype, count: items.count &* Int(field.pointee.count),
        dividesBy255: field.pointee.divides_by_255 != 0)
      pad(
        out + items.count &* outItem, field.pointee.out_dtype,
        count: (longest &- items.count) &* Int(field.pointee.count), field.pointee.pad)
    }
  }

  /// The items of a sample; nil if the offsets are out of order or range.
  private func items(_ field: UnsafePointer<so_data_field>, _ sample: Int64) -> Range<Int>? {
    guard let offsets = field.pointee.offsets else { return nil }
    let (begin, end) = (offsets[Int(sample)], offsets[Int(sample) &+ 1])
    guard begin >= 0, begin <= end, end <= field.pointee.item_count else { return nil }
    return Int(begin)..<Int(end)
  }

  /// Items of the batch's longest sample, which all of its parts have to know.
  private func longest(_ field: UnsafePointer<so_data_field>, _ number: Int32) -> Int? {
    var longest = 0
    for row in 0..<batch.count {
      var sample: Int64 = 0
      order.write(
        &sample, first: batch.first &+ Int64(row) &* batch.step, step: batch.step, count: 1)
      guard sample >= 0, sample < plan.pointee.sampler.sample_count,
        let items = items(field, sample)
      else {
        note(SO_FAULT_OFFSETS, field: number, row: row, value: sample)
        return nil
      }
      if items.count > longest { longest = items.count }
    }
    let (items, overflows) = longest.multipliedReportingOverflow(by: batch.count)
    if overflows || items > Int(field.pointee.item_room) {
      note(SO_FAULT_OFFSETS, field: number, row: 0, value: indices[0])
      return nil
    }
    so_report_longest(report, number).pointee = Int64(longest)
    return longest
  }

  private func pad(
    _ out: UnsafeMutableRawPointer, _ dtype: so_dtype, count: Int, _ value: Double
  ) {
    for index in 0..<count { store(value, dtype, at: index, of: out) }
  }
}

/// Stores a number that was checked to be one of the dtype.
@inline(__always)
private func store(
  _ value: Double, _ dtype: so_dtype, at index: Int, of out: UnsafeMutableRawPointer
) {
  switch dtype {
  case SO_FLOAT32: out.assumingMemoryBound(to: Float.self)[index] = Float(value)
  case SO_FLOAT64: out.assumingMemoryBound(to: Double.self)[index] = value
  case SO_FLOAT16, SO_BFLOAT16:
    var value = value
    convert(
      &value, so_dtype(SO_FLOAT64), to: out + index &* 2, dtype, count: 1, dividesBy255: false)
  default:
    let bits = UInt64(bitPattern: Int64(value))
    switch elementSize(dtype) {
    case 8: out.assumingMemoryBound(to: UInt64.self)[index] = bits
    case 4: out.assumingMemoryBound(to: UInt32.self)[index] = UInt32(truncatingIfNeeded: bits)
    case 2: out.assumingMemoryBound(to: UInt16.self)[index] = UInt16(truncatingIfNeeded: bits)
    default: out.assumingMemoryBound(to: UInt8.self)[index] = UInt8(truncatingIfNeeded: bits)
    }
  }
}
