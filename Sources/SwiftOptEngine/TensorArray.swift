import CSwiftOpt
import SwiftOptOptimizers

/// The arrays of a tensor that a step may write.
enum TensorArray: Int32 {
  case slot0, slot1, slot2, slot3
  case scales0, scales1, scales2, scales3
  case parameter, scalars, master, compensation, average, copy, accumulator

  static let count = 15

  /// What messages call it.
  func name(_ description: DescriptionPointer) -> UnsafePointer<CChar> {
    switch self {
    case .slot0, .slot1, .slot2, .slot3:
      description.slot(Int(rawValue)).name ?? characters("slot")
    case .scales0, .scales1, .scales2, .scales3: characters("block scales")
    case .parameter: characters("parameter")
    case .scalars: characters("scalars")
    case .master: characters("master")
    case .compensation: characters("compensation")
    case .average: characters("average")
    case .copy: characters("copy")
    case .accumulator: characters("accumulator")
    }
  }
}

/// Bytes per element of a dtype that parameters and gradients may have; nil for others.
func elementSize(_ dtype: so_dtype) -> Int? {
  switch Int(dtype) {
  case SO_FLOAT64: 8
  case SO_FLOAT32: 4
  case SO_FLOAT16, SO_BFLOAT16: 2
  default: nil
  }
}

func isBlock8(_ dtype: so_dtype) -> Bool {
  dtype == SO_BLOCK8 || dtype == SO_BLOCK8_UNSIGNED
}

extension so_tensor {
  func slot(_ index: Int) -> so_array {
    withUnsafeBytes(of: slots) {
      $0.load(fromByteOffset: index * MemoryLayout<so_array>.stride, as: so_array.self)
    }
  }

  /// The dtype of the computation.
  var computationDtype: so_dtype {
    parameter_dtype == SO_FLOAT64 ? so_dtype(SO_FLOAT64) : so_dtype(SO_FLOAT32)
  }

  var isMatrix: Bool { rows != 0 }

  /// Elements of a slot of this form.
  func count(of slot: so_slot) -> Int {
    guard isMatrix else { return Int(count) }
    return switch Int(slot.form) {
    case SO_SLOT_ROW: Int(count / columns)
    case SO_SLOT_COLUMN: Int(count / rows)
    default: Int(count)
    }
  }
}

extension DescriptionPointer {
  /// Bit i: slot i has an element for each of the parameter's.
  var fullSlots: UInt32 {
    var bits: UInt32 = 0
    for index in 0..<Int(pointee.slot_count) where slot(index).form == SO_SLOT_FULL {
      bits |= 1 << UInt32(index)
    }
    return bits
  }
}

extension so_slot {
  /// Whether a tensor has this slot, whatever the hyper-parameters.
  func belongs(to tensor: so_tensor) -> Bool {
    switch Int(owner) {
    case SO_SLOT_OF_MATRICES: tensor.isMatrix
    case SO_SLOT_OF_OTHERS: !tensor.isMatrix
    default: true
    }
  }

  /// Whether it may be stored in `dtype` when the computation is in `computation`.
  func allows(_ dtype: so_dtype, computation: so_dtype) -> Bool {
    if content == SO_SLOT_EXACT || form != SO_SLOT_FULL { return dtype == computation }
    return switch Int(dtype) {
    case SO_FLOAT32, SO_FLOAT64, SO_BFLOAT16: true
    // Squares of small gradients are 0 in float16, and a step divided by 0 is gone.
    case SO_FLOAT16, SO_BLOCK8: content == SO_SLOT_SIGNED
    case SO_BLOCK8_UNSIGNED: content == SO_SLOT_NONNEGATIVE
    default: false
    }
  }
}
