import CSwiftOpt
import SwiftOptShims

extension LayerCall {
  /// How many of the indices 0 ..< count of an array of kind `.index` aren't `ignored`, or nil
  /// if one is neither that nor in 0 ..< bound; the first such is noted for the message.
  func countIndices(
    _ array: Int, _ count: Int, below bound: Int, ignoring ignored: Double = -0.5
  ) -> Int? {
    guard let data = data(array) else { return 0 }
    switch dtype(array) {
    case so_dtype(SO_UINT8):
      return kept(data.assumingMemoryBound(to: UInt8.self), count, bound, ignored)
    case so_dtype(SO_INT32):
      return kept(data.assumingMemoryBound(to: Int32.self), count, bound, ignored)
    default:
      return kept(data.assumingMemoryBound(to: Int64.self), count, bound, ignored)
    }
  }

  @inline(__always)
  private func kept<Index: FixedWidthInteger>(
    _ indices: UnsafePointer<Index>, _ count: Int, _ bound: Int, _ ignored: Double
  ) -> Int? {
    // No index is what no integer of this type is.
    let ignoredIndex = Index(exactly: ignored)
    // Negative ones are beyond every bound as this.
    let isWrong = { (index: Index) in
      UInt(truncatingIfNeeded: index) >= UInt(bitPattern: bound) && index != ignoredIndex
    }
    var (kept, wrong) = (0, 0)
    for position in 0..<count {
      kept &+= indices[position] == ignoredIndex ? 0 : 1
      wrong &+= isWrong(indices[position]) ? 1 : 0
    }
    if wrong == 0 { return kept }
    var position = 0
    while position < count &- 1 && !isWrong(indices[position]) { position &+= 1 }
    so_error_note_index(
      Int64(truncatingIfNeeded: position), Int64(truncatingIfNeeded: indices[position]),
      Int64(truncatingIfNeeded: bound))
    return nil
  }
}
