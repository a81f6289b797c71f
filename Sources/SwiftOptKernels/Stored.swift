import CSwiftOpt
import SwiftOptShims

/// Elements that kernels take at a time where they need scratch: one 8-bit block, and 1 KiB
/// of stack for 32-bit numbers.
let chunkElements = Int(SO_BLOCK_ELEMENTS)

extension so_stored {
  /// The numbers as what they are.
  @inline(__always)
  func elements<Element>(_ type: Element.Type) -> UnsafeMutablePointer<Element> {
    // NULL only with a count of 0.
    data.unsafelyUnwrapped.assumingMemoryBound(to: type)
  }

  /// Calls `body` with each chunk's number and elements; the last may be partial.
  @inline(__always)
  func forEachChunk(_ body: (Int, Range<Int>) -> Void) {
    let count = Int(self.count)
    var number = 0
    var start = 0
    while start < count {
      let rest = count &- start
      let length = rest < chunkElements ? rest : chunkElements
      body(number, start..<(start &+ length))
      number &+= 1
      start &+= length
    }
  }

  /// The same, with scratch for a chunk's numbers.
  @inline(__always)
  func forEachChunk<Number: BitwiseCopyable>(
    scratch: Number.Type, _ body: (Int, Range<Int>, UnsafeMutablePointer<Number>) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: Number.self, capacity: chunkElements) { buffer in
      let numbers = buffer.baseAddress!
      forEachChunk { body($0, $1, numbers) }
    }
  }

  /// A chunk as a run of its own.
  @inline(__always)
  func chunk(_ number: Int, _ elements: Range<Int>) -> so_stored {
    var part = self
    let bytes = self.elements(UInt8.self)
    part.data = UnsafeMutableRawPointer(bytes + elements.lowerBound &* elementSize(dtype))
    if let first = scales { part.scales = first + number }
    part.index &+= Int64(truncatingIfNeeded: elements.lowerBound)
    part.count = Int64(truncatingIfNeeded: elements.count)
    return part
  }
}
