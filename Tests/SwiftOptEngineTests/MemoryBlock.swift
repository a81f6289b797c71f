import CSwiftOpt
import TestSupport

/// Some memory, aligned to 16 bytes at its start if its size and slack are multiples of that.
final class MemoryBlock {
  let raw: UnsafeMutableRawPointer
  let byteCount: Int
  private let guarded: GuardedBuffer<UInt8>?

  /// Guarded, it lies `slack` bytes before a forbidden page.
  init(byteCount: Int, slack: Int = 0, isGuarded: Bool) {
    self.byteCount = byteCount
    guarded = isGuarded ? GuardedBuffer(repeating: 0, count: byteCount + slack, .end) : nil
    raw = guarded?.raw ?? .allocate(byteCount: byteCount, alignment: 16)
    if !isGuarded { raw.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount) }
  }

  deinit { if guarded == nil { raw.deallocate() } }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: raw, count: byteCount) }
}
