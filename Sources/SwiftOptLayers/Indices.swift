import CSwiftOpt
import SwiftOptShims

extension LayerCall {
  /// How many of the indices 0 ..< count of an array of kind `.index` aren't `ignored`, or nil
  /// if one is neither that nor in 0 ..< bound.
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
    var (kept, wrong) = (0, 0)
    for position in 0..<count {
      let index = indices[position]
      let isIgnored = index == ignoredIndex
      // Negative ones are beyond every bound as this.
      let isWrong = UInt(truncatingIfNeeded: index) >= UInt(bitPattern: bound)
      kept &+= isIgnored ? 0 : 1
      wrong &+= isWrong && !isIgnored ? 1 : 0
    }
    return wrong == 0 ? kept : nil
  }
}
