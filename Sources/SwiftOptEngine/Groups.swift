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
  func problem(_ index: Int, _ description: DescriptionPointer) -> Problem? {
    func fault(_ name: StaticString, _ value: Double, _ must: StaticString) -> Problem {
      .group(index, name, value, must)
    }
    guard lr >= 0, lr < .infinity else { return fault("lr", lr, "finite and >= 0") }
    guard weight_decay >= 0, weight_decay < .infinity else {
      return fault("weight_decay", weight_decay, "finite and >= 0")
    }
    guard clip_value > 0 else { return fault("clip_value", clip_value, "> 0") }
    guard clip_tensor_norm > 0 else { return fault("clip_tensor_norm", clip_tensor_norm, "> 0") }
    guard clip_unit_ratio > 0 else { return fault("clip_unit_ratio", clip_unit_ratio, "> 0") }
    guard l1_penalty >= 0, l1_penalty < .infinity else {
      return fault("l1_penalty", l1_penalty, "finite and >= 0")
    }
    guard l2_penalty >= 0, l2_penalty < .infinity else {
      return fault("l2_penalty", l2_penalty, "finite and >= 0")
    }
    guard average_decay >= 0, average_decay <= 1 else {
      return fault("average_decay", average_decay, "in [0, 1]")
    }
    guard decay >= 0, decay <= SO_DECAY_OWN else {
      return fault("decay", Double(decay), "SO_DECAY_COUPLED, ..., SO_DECAY_OWN")
    }
    guard (decay == SO_DECAY_OWN) == (description.pointee.decay == SO_DECAY_OWN) else {
      return decay == SO_DECAY_OWN
        ? fault("decay", Double(decay), "coupled, decoupled or independent for this optimizer")
        : fault("decay", Double(decay), "SO_DECAY_OWN: this optimizer has its own weight decay")
    }
    guard maximize == 0 || maximize == 1 else {
      return fault("maximize", Double(maximize), "0 or 1")
    }
    guard cautious == 0 || cautious == 1 else {
      return fault("cautious", Double(cautious), "0 or 1")
    }
    guard zero_gradient == 0 || zero_gradient == 1 else {
      return fault("zero_gradient", Double(zero_gradient), "0 or 1")
    }
    for position in 0..<Int(description.pointee.hyperparameter_count) {
      let bounds = description.hyperparameter(position)
      let value = hyperparameter(position)
      guard bounds.allows(value) else { return .hyperparameter(index, bounds, value) }
    }
    return nil
  }
}

extension so_hyperparameter {
  /// Whether `value` is finite and within the bounds.
  func allows(_ value: Double) -> Bool {
    if is_flag != 0 { return value == 0 || value == 1 }
    let isBelow = maximum_is_open != 0 ? value < maximum : value <= maximum
    return value.isFinite && value >= minimum && isBelow
  }
}

/// By reference: a description is large, and its arrays reach Swift as tuples.
typealias DescriptionPointer = UnsafeMutablePointer<so_description>

extension DescriptionPointer {
  func hyperparameter(_ index: Int) -> so_hyperparameter {
    withUnsafeMutableBytes(of: &pointee.hyperparameters) {
      $0.load(
        fromByteOffset: index * MemoryLayout<so_hyperparameter>.stride,
        as: so_hyperparameter.self)
    }
  }

  func slot(_ index: Int) -> so_slot {
    withUnsafeMutableBytes(of: &pointee.slots) {
      $0.load(fromByteOffset: index * MemoryLayout<so_slot>.stride, as: so_slot.self)
    }
  }
}
