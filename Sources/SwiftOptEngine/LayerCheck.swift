import CSwiftOpt
import SwiftOptShims

/// What is wrong with a call of a layer function. The ABI turns it into a status and text.
public enum LayerProblem {
  /// There is no layer function with this number.
  case noLayer(Int32)
  /// A size or a setting, by its name.
  case number(UnsafePointer<CChar>?, Double, StaticString)
  /// A size, and what the layer says of it.
  case size(UnsafePointer<CChar>?, Double, UnsafePointer<CChar>)
  /// A setting that is out of its bounds.
  case setting(so_hyperparameter, Double)
  /// An array, by its name.
  case array(UnsafePointer<CChar>?, StaticString)
  /// An array of indices of which one is out of range; `so_error_note_index` has which.
  case index(UnsafePointer<CChar>?)
  /// An array's dtype.
  case dtype(UnsafePointer<CChar>?, StaticString)
  /// How many elements an array has, and must have.
  case count(UnsafePointer<CChar>?, Int64, Int64)
  /// Two arrays that share memory.
  case overlap(UnsafePointer<CChar>?, UnsafePointer<CChar>?)
  case workspace
  /// The environment names an instruction level that can't be had.
  case level
}

/// A call of a layer function with its description, and all that must hold before it may run.
/// The checks are the same for every layer: what it describes is all that they know of it.
struct LayerCheck {
  let call: UnsafePointer<so_layer_call>
  let layers: so_layers
  var description = so_layer_description()
  var dtype = so_dtype(SO_FLOAT32)

  init(_ call: UnsafePointer<so_layer_call>, _ layers: so_layers) {
    self.call = call
    self.layers = layers
  }

  /// Everything but the workspace, whose size in bytes is left in `workspaceSize`.
  mutating func problem(
    _ matrix: UnsafePointer<so_matrix_functions>, _ workspaceSize: inout Int64
  ) -> LayerProblem? {
    guard let describe = layers.describe, let plan = layers.plan,
      describe(call.pointee.layer, &description) == 1
    else { return .noLayer(call.pointee.layer) }
    if let problem = numberProblem() ?? dtypeProblem() { return problem }
    var laidOut = so_layer_plan_for(call, dtype, matrix)
    plan(&laidOut)
    if let fault = laidOut.fault {
      let size = Int64(max(laidOut.fault_size, 0))
      return .size(
        so_layer_described_size(&description, size), Double(so_layer_size_at(call, size)), fault)
    }
    workspaceSize = laidOut.workspace_size
    return memoryProblem(&laidOut) ?? overlapProblem()
  }

  private var arrays: Range<Int64> { 0..<Int64(description.array_count) }

  private mutating func described(_ array: Int64) -> so_layer_array_description {
    so_layer_described_array(&description, array).pointee
  }

  private mutating func numberProblem() -> LayerProblem? {
    for index in 0..<Int64(description.size_count) {
      let size = so_layer_size_at(call, index)
      if size < 0 || size > 1 << 40 {
        return .number(
          so_layer_described_size(&description, index), Double(size), "in 0 ... 2^40")
      }
    }
    for index in 0..<Int64(description.setting_count) {
      let bounds = so_layer_described_setting(&description, index).pointee
      let value = so_layer_setting_at(call, index)
      let isBelow = bounds.maximum_is_open != 0 ? value < bounds.maximum : value <= bounds.maximum
      let isFlag = bounds.is_flag == 0 || value == 0 || value == 1
      if !(value.isFinite && value >= bounds.minimum && isBelow && isFlag) {
        return .setting(bounds, value)
      }
    }
    return nil
  }

  /// Finds the call's dtype: that of the first array of kind SO_LAYER_VALUE.
  private mutating func dtypeProblem() -> LayerProblem? {
    for index in arrays {
      let array = so_layer_array_at(call, index).pointee
      let kind = described(index).kind
      if kind == SO_LAYER_VALUE && array.data != nil {
        dtype = array.dtype
        break
      }
      // Without any, numbers decide.
      if kind == SO_LAYER_NUMBER && array.data != nil && array.dtype == SO_FLOAT64 {
        dtype = array.dtype
      }
    }
    for index in arrays {
      let array = so_layer_array_at(call, index).pointee
      let entry = described(index)
      if array.data == nil && (entry.is_optional != 0 || array.count == 0) { continue }
      if let must = dtypeFault(array.dtype, kind: entry.kind) { return .dtype(entry.name, must) }
    }
    return nil
  }

  /// What the dtype must be, if it isn't.
  private func dtypeFault(_ given: so_dtype, kind: Int32) -> StaticString? {
    let isFloat =
      given == SO_FLOAT32 || given == SO_FLOAT64 || given == SO_BFLOAT16
    switch kind {
    case Int32(SO_LAYER_VALUE):
      if !isFloat { return "must have dtype float32, float64 or bfloat16" }
      return given == dtype ? nil : "must have the dtype of the call's other values"
    case Int32(SO_LAYER_NUMBER):
      if dtype == SO_FLOAT64 {
        return given == SO_FLOAT64 ? nil : "must have dtype float64, because the values have it"
      }
      return given == SO_FLOAT32
        ? nil : "must have dtype float32, in which float32 and bfloat16 values are computed"
    case Int32(SO_LAYER_INDEX):
      return given == SO_UINT8 || given == SO_INT32 || given == SO_INT64
        ? nil : "must have dtype uint8, int32 or int64"
    case Int32(SO_LAYER_RANDOM):
      return given == SO_UINT64 ? nil : "must have dtype uint64"
    case Int32(SO_LAYER_ANY):
      return isFloat ? nil : "must have dtype float32, float64 or bfloat16"
    default:
      return given == SO_FLOAT64 ? nil : "must have dtype float64"
    }
  }

  private mutating func memoryProblem(_ plan: inout so_layer_plan) -> LayerProblem? {
    for index in arrays {
      let array = so_layer_array_at(call, index).pointee
      let entry = described(index)
      guard let data = array.data else {
        if entry.is_optional != 0 || so_layer_count_at(&plan, index) == 0 { continue }
        return .array(entry.name, "is NULL")
      }
      let expected = so_layer_count_at(&plan, index)
      if array.count != expected { return .count(entry.name, array.count, expected) }
      if UInt(bitPattern: data) % bytesPerElement(array.dtype) != 0 {
        return .array(entry.name, "is not aligned to its element size")
      }
    }
    return nil
  }

  private mutating func overlapProblem() -> LayerProblem? {
    for index in arrays {
      let written = so_layer_array_at(call, index).pointee
      let entry = described(index)
      guard entry.role != SO_LAYER_INPUT, let data = written.data, written.count > 0
      else { continue }
      for other in arrays where other != index {
        let array = so_layer_array_at(call, other).pointee
        guard let otherData = array.data, array.count > 0 else { continue }
        // An output may be its input itself, element for element.
        if Int64(entry.may_be) == other && otherData == data && array.count == written.count
          && bytesPerElement(array.dtype) == bytesPerElement(written.dtype)
        {
          continue
        }
        let distance = UInt(bitPattern: otherData) &- UInt(bitPattern: data)
        let back = UInt(bitPattern: data) &- UInt(bitPattern: otherData)
        // The distance in the other direction wraps around, to more than any array has.
        if distance < bytes(written) || back < bytes(array) {
          return .overlap(entry.name, described(other).name)
        }
      }
    }
    return nil
  }

  private func bytes(_ array: so_layer_array) -> UInt {
    UInt(array.count) &* bytesPerElement(array.dtype)
  }

  private func bytesPerElement(_ dtype: so_dtype) -> UInt {
    switch dtype {
    case so_dtype(SO_UINT8): 1
    case so_dtype(SO_BFLOAT16): 2
    case so_dtype(SO_FLOAT32), so_dtype(SO_INT32): 4
    default: 8
    }
  }
}
