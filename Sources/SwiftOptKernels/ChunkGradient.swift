import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// What the gradient goes through before the rule sees it, when it is more than a factor.
extension Chunk {
  func prepareGradient(
    _ gradient: UnsafeMutablePointer<Scalar>, _ parameter: UnsafePointer<Scalar>
  ) {
    scale(gradient)
    if update.pointee.clip_value < .infinity {
      let limit = Scalar(update.pointee.clip_value)
      for index in 0..<count {
        let value = gradient[index]
        // A value that is not a number stays so.
        gradient[index] = value > limit ? limit : (value < -limit ? -limit : value)
      }
    }
    if update.pointee.l1_penalty != 0 {
      let penalty = Scalar(update.pointee.l1_penalty)
      for index in 0..<count {
        let value = parameter[index]
        gradient[index] += value > 0 ? penalty : (value < 0 ? -penalty : value)
      }
    }
    if update.pointee.penalty != 0 {
      let penalty = Scalar(update.pointee.penalty)
      for index in 0..<count {
        gradient[index] += penalty * parameter[index]
      }
    }
  }

  /// Multiplies by the common factor, and by each unit's own.
  private func scale(_ gradient: UnsafeMutablePointer<Scalar>) {
    guard let unitScales = update.pointee.unit_scales else {
      scale(gradient, 0, count, Scalar(update.pointee.scale))
      return
    }
    let length = Int(update.pointee.unit_length)
    var unit = index / length
    var begin = 0
    while begin < count {
      let end = min(count, (unit &+ 1) &* length &- index)
      scale(gradient, begin, end, Scalar(update.pointee.scale * unitScales[unit]))
      begin = end
      unit &+= 1
    }
  }

  private func scale(
    _ gradient: UnsafeMutablePointer<Scalar>, _ begin: Int, _ end: Int, _ factor: Scalar
  ) {
    for index in begin..<end {
      gradient[index] *= factor
    }
  }
}
