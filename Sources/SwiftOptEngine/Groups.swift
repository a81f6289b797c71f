import CSwiftOpt
import SwiftOptOptimizers

extension so_group {
  /// Hyper-parameter `index` in the order of the description.
  func hyperparameter(_ index: Int) -> Double {
    withUnsafeBytes(of: hyperparameters) {
      $0.load(fromByteOffset: index * MemoryLayout<Double>.stride, as: Double.self)
    }
  }

  /// The first thing about group `index` that is out of bounds, or nil.
  func problem(_ index: Int, _ description: so_description) -> Problem? {
    func fault(_ name: StaticString, _ value: Double, _ must: StaticString) -> Problem {
      .group(index, name, value, must)
    }
    guard lr >= 0, lr < .infinity else { return fault("lr", lr, "finite and >= 0") }
    guard weight_decay >= 0, weight_decay < .infinity else {
      return fault("weight_decay", weight_decay, "finite and >= 0")
    }
    guard clip_value > 0 else { return fault("clip_value", clip_value, "> 0") }
    guard clip_tensor_norm > 0 else { return fault("clip_tensor_norm", clip_tensor_norm, "> 0") }
    guard maximize == 0 || maximize == 1 else {
      return fault("maximize", Double(maximize), "0 or 1")
    }
    guard reserved == 0 else { return fault("reserved", Double(reserved), "0") }
    for position in 0..<Int(description.hyperparameter_count) {
      let bounds = description.hyperparameter(position)
      let value = hyperparameter(position)
      guard bounds.allows(value) else { return .hyperparameter(index, bounds, value) }
    }
    return nil
  }
}

extension so_hyperparameter {
  /// Whether `value` is within the bounds; NaN never is.
  func allows(_ value: Double) -> Bool {
    if is_flag != 0 { return value == 0 || value == 1 }
    let isBelow = maximum_is_open != 0 ? value < maximum : value <= maximum
    return value >= minimum && value < .infinity && isBelow
  }
}

extension so_description {
  func hyperparameter(_ index: Int) -> so_hyperparameter {
    withUnsafeBytes(of: hyperparameters) {
      $0.load(
        fromByteOffset: index * MemoryLayout<so_hyperparameter>.stride,
        as: so_hyperparameter.self)
    }
  }

  func slot(_ index: Int) -> so_slot {
    withUnsafeBytes(of: slots) {
      $0.load(fromByteOffset: index * MemoryLayout<so_slot>.stride, as: so_slot.self)
    }
  }
}
