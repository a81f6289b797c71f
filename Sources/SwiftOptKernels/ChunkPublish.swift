import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// What follows from a new parameter.
extension Chunk {
  func publish(_ parameter: UnsafeMutablePointer<Scalar>) {
    if let base = update.pointee.average { average(native(base), parameter) }
    if let base = update.pointee.copy {
      encode(UnsafePointer(parameter), into: stored(base, update.pointee.copy_dtype))
    }
    if update.pointee.zero_gradient != 0 {
      let size = elementSize(update.pointee.gradient_dtype)
      zero(
        UnsafeMutableRawPointer(mutating: update.pointee.gradient) + index &* size, count &* size)
    }
  }

  private func average(
    _ average: UnsafeMutablePointer<Scalar>, _ parameter: UnsafePointer<Scalar>
  ) {
    // At the ends a product with 0 would make NaN of infinity, and 0 of -0.
    if update.pointee.average_decay == 1 { return }
    if update.pointee.average_decay == 0 {
      for index in 0..<count { average[index] = parameter[index] }
      return
    }
    let decay = Scalar(update.pointee.average_decay)
    let rest = Scalar(1 - update.pointee.average_decay)
    for index in 0..<count {
      average[index] = decay * average[index] + rest * parameter[index]
    }
  }
}

/// Sets bytes to 0: the number 0 in every dtype. In pieces, because the C library's own way
/// with 2 KiB and more is slow to begin.
func zero(_ data: UnsafeMutableRawPointer, _ bytes: Int) {
  var begin = 0
  while begin < bytes {
    let count = min(1024, bytes &- begin)
    (data + begin).initializeMemory(as: UInt8.self, repeating: 0, count: count)
    begin &+= count
  }
}
