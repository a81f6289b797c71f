import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// What is needed next comes from memory while the processor is busy with decoding and
/// rounding: it finds no such work by itself, because each stage reads only what the one
/// before it has left in the first cache level.
extension Chunk {
  /// Asks for one quarter of the memory of the chunk after the next.
  func prefetchNext(quarter: Int) {
    guard pipeline.prefetches else { return }
    let begin = index &+ 2 &* count
    let end = min(
      begin &+ pipeline.scratch.elements,
      Int(update.pointee.index &+ update.pointee.count))
    guard begin < end else { return }
    let dtype = update.pointee.dtype
    if let master = update.pointee.master {
      prefetch(master, dtype, begin, end, quarter)
    }
    prefetch(update.pointee.parameter, update.pointee.parameter_dtype, begin, end, quarter)
    prefetch(
      UnsafeMutableRawPointer(mutating: update.pointee.gradient), update.pointee.gradient_dtype,
      begin, end, quarter)
    prefetch(update.pointee.slots.0, begin, end, quarter)
    prefetch(update.pointee.slots.1, begin, end, quarter)
    prefetch(update.pointee.slots.2, begin, end, quarter)
    prefetch(update.pointee.slots.3, begin, end, quarter)
  }

  private func prefetch(_ slot: so_stream, _ begin: Int, _ end: Int, _ quarter: Int) {
    if let data = slot.data { prefetch(data, slot.dtype, begin, end, quarter) }
  }

  private func prefetch(
    _ base: UnsafeMutableRawPointer, _ dtype: Int32, _ begin: Int, _ end: Int, _ quarter: Int
  ) {
    let size = elementSize(dtype)
    let bytes = (end &- begin) &* size
    var offset = begin &* size &+ bytes &* quarter / 4
    let last = begin &* size &+ bytes &* (quarter &+ 1) / 4
    while offset < last {
      so_prefetch(base + offset)
      offset &+= 64
    }
  }
}
