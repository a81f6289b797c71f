import SwiftOptShims

/// Parts of a workspace, of which a task holds one while it runs. There are as many in use as
/// threads, not as tasks, so that what is behind them stays in the caches.
struct Slots {
  /// Bytes of one, a multiple of 64.
  let each: Int
  let count: Int

  @inline(__always)
  init(of bytes: Int, most: Int = 64) {
    each = (bytes &+ 63) & ~63
    count = most > 64 ? 64 : most
  }

  private static var flagBytes: Int { 64 &* MemoryLayout<Int32>.size }

  /// Bytes of all, a multiple of 64.
  @inline(__always)
  var bytes: Int { Slots.flagBytes &+ count &* each }

  /// To be called before the tasks start.
  @inline(__always)
  func clear(_ workspace: UnsafeMutableRawPointer) {
    workspace.assumingMemoryBound(to: Int32.self).update(repeating: 0, count: 64)
  }

  @inline(__always)
  func take(_ workspace: UnsafeMutableRawPointer) -> Int {
    Int(so_take_slot(workspace.assumingMemoryBound(to: Int32.self), Int64(count)))
  }

  @inline(__always)
  func giveBack(_ workspace: UnsafeMutableRawPointer, _ slot: Int) {
    so_give_back_slot(workspace.assumingMemoryBound(to: Int32.self), Int64(slot))
  }

  /// What the slot stands for, aligned to 64.
  @inline(__always)
  func memory(_ workspace: UnsafeMutableRawPointer, _ slot: Int) -> UnsafeMutableRawPointer {
    workspace + Slots.flagBytes + slot &* each
  }
}
