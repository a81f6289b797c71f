import CSwiftOpt

/// C's arrays in structs, which Swift sees as tuples.

extension so_group {
  /// Nothing but the rule, with a learning rate of 0.01.
  init(_ settings: [Double], decay: Int32) {
    self.init()
    lr = 0.01
    (clip_value, clip_tensor_norm, clip_unit_ratio) = (.infinity, .infinity, .infinity)
    self.decay = decay
    setHyperparameters(settings)
  }

  mutating func setHyperparameters(_ values: [Double]) {
    for (index, value) in values.enumerated() { setHyperparameter(index, value) }
  }

  mutating func setHyperparameter(_ index: Int, _ value: Double) {
    withUnsafeMutableBytes(of: &hyperparameters) {
      $0.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
    }
  }
}

extension so_tensor {
  func slotArray(_ index: Int) -> so_array {
    withUnsafeBytes(of: slots) {
      $0.load(fromByteOffset: index * MemoryLayout<so_array>.stride, as: so_array.self)
    }
  }

  mutating func setSlotArray(_ index: Int, _ array: so_array) {
    withUnsafeMutableBytes(of: &slots) {
      $0.storeBytes(
        of: array, toByteOffset: index * MemoryLayout<so_array>.stride, as: so_array.self)
    }
  }

  func slot(_ index: Int) -> UnsafeMutableRawPointer? { slotArray(index).data }

  mutating func setSlot(_ index: Int, _ pointer: UnsafeMutableRawPointer?) {
    changeSlot(index) { $0.data = pointer }
  }

  mutating func changeSlot(_ index: Int, _ change: (inout so_array) -> Void) {
    var array = slotArray(index)
    change(&array)
    setSlotArray(index, array)
  }
}
