import CSwiftOpt
import SwiftOptShims

extension PartFill {
  /// Gathers samples that lie in memory.
  func fillFromMemory(
    _ field: UnsafePointer<so_data_field>, _ number: Int32, _ first: Int, _ count: Int
  ) {
    guard let base = field.pointee.base else { return }
    let stride = Int(field.pointee.stride)
    let bytes = field.pointee.sampleBytes
    let isBatch = field.pointee.is_batch != 0
    var done = 0
    while done < count {
      let sample = isBatch ? first &+ done : Int(indices[done])
      var run = 1
      if stride == bytes {
        while done &+ run < count,
          isBatch || indices[done &+ run] == indices[done] &+ Int64(run)
        {
          run &+= 1
        }
      }
      if done &+ run < count, !isBatch {
        // Its first lines; the processor sees where it goes on from there.
        prefetch(base + Int(indices[done &+ run]) &* stride, bytes)
      }
      writeRows(field, number, base + sample &* stride, row: first &+ done, index: done, count: run)
      if isFatal { return }
      done &+= run
    }
  }

  @inline(__always)
  private func prefetch(_ address: UnsafeRawPointer, _ bytes: Int) {
    var offset = 0
    while offset < bytes, offset < 1024 {
      so_prefetch(address + offset)
      offset &+= 64
    }
  }
}
