import CSwiftOpt
import SwiftOptShims

// A symmetric product's tiles that lie all above the diagonal aren't computed.
extension Tasks {
  /// Whether a tile is computed.
  @inline(__always)
  func isComputed(_ panel: Int, _ columnPanel: Int) -> Bool {
    product.is_symmetric == 0 || columnPanel &* plan.tileColumns < (panel &+ 1) &* tileRows
  }

  /// Copies what is below the diagonal to the same places above it, for some rows.
  func mirror(_ task: Int) {
    switch Int(product.c_dtype) {
    case SO_FLOAT64: mirror(task, Double.self)
    case SO_BFLOAT16: mirror(task, BFloat16.self)
    default: mirror(task, Float.self)
    }
  }

  @inline(__always)
  private func mirror<Stored: Element>(_ task: Int, _ stored: Stored.Type) {
    let stride = Int(product.c_stride)
    let c = product.c.assumingMemoryBound(to: stored)
    let first = task &* mirroredRows
    let end = min(first &+ mirroredRows, plan.rows)
    // Some columns of all rows at a time: they are runs of memory below the diagonal.
    var block = first
    while block < plan.columns {
      for row in first..<end {
        var column = max(block, row &+ 1)
        while column < min(block &+ 32, plan.columns) {
          c[row &* stride &+ column] = c[column &* stride &+ row]
          column &+= 1
        }
      }
      block &+= 32
    }
  }
}
