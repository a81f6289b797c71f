import CSwiftOpt
import SwiftOptShims

/// c = activation(alpha · op(a) · op(b) + beta · c + bias + residual) · activation'(mask), where
/// op is nothing or the transpose, and the sums of c's columns and of their squares.
///
/// The product is float64 if a or b is; else sums are float32, of factors that are rounded to
/// bfloat16 if either is bfloat16. Of every matrix the first columns are used, and rows lie a
/// stride apart; residual, preactivation and mask lie as c does.
enum Matmul: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("matmul", usesProducts: true)
    description.input("a", .any)
    description.input("b", .any)
    description.input("bias", .any, optional: true)
    description.input("residual", optional: true)
    description.input("mask", optional: true)
    description.updated("c")
    description.output("preactivation", optional: true)
    description.output("column_sums", .sum, optional: true)
    description.output("column_square_sums", .sum, optional: true)
    description.size("rows")
    description.size("columns")
    description.size("depth")
    description.size("a_stride")
    description.size("b_stride")
    description.size("c_stride")
    description.flag("a_is_transposed")
    description.flag("b_is_transposed")
    description.setting("alpha", 1)
    description.setting("beta", 0)
    description.setting("activation", 0, minimum: 0, maximum: 5)
    description.setting("mask_activation", 0, minimum: 0, maximum: 5)
  }

  static func plan(_ plan: LayerPlan) {
    let (rows, columns, depth) = (plan.size(0), plan.size(1), plan.size(2))
    let (aIsTransposed, bIsTransposed) = (plan.setting(0) != 0, plan.setting(1) != 0)
    if plan.size(3) < (aIsTransposed ? rows : depth) {
      plan.fault(size: 3, "at least the columns of a")
    }
    if plan.size(4) < (bIsTransposed ? depth : columns) {
      plan.fault(size: 4, "at least the columns of b")
    }
    if plan.size(5) < columns { plan.fault(size: 5, "at least the columns of c") }
    plan.count(0, aIsTransposed ? depth : rows, plan.size(3))
    plan.count(1, bIsTransposed ? columns : depth, plan.size(4))
    plan.count(2, columns)
    for array in 3...6 { plan.count(array, rows, plan.size(5)) }
    plan.count(7, columns)
    plan.count(8, columns)
    // Beyond that a fault was found, and bytes might be more than fit their type.
    guard plan.raw.pointee.fault == nil else { return }
    let call = LayerCall<Float>(raw: plan.call, matrix: plan.matrix)
    var product = product(call, dtype: plan.raw.pointee.dtype)
    let size = withUnsafePointer(to: &product) { plan.matrix.pointee.workspace_size?($0) ?? 0 }
    plan.workspace(biasBytes(call) &+ Int(size))
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    var product = product(call, dtype: call.dtype(5))
    if let bias = call.data(2), biasBytes(call) > 0 {
      let sums = product.a.dtype == SO_FLOAT64 || product.b.dtype == SO_FLOAT64
      if sums {
        convert(bias, call.dtype(2), call.size(1), to: call.workspace, as: Double.self)
      } else {
        convert(bias, call.dtype(2), call.size(1), to: call.workspace, as: Float.self)
      }
      product.bias = UnsafeRawPointer(call.workspace)
    }
    product.workspace = call.workspace + biasBytes(call)
    withUnsafePointer(to: &product) { call.matrix.pointee.multiply?($0) }
    return ranWell
  }

  private static func product<Element: LayerElement>(
    _ call: LayerCall<Element>, dtype: so_dtype
  ) -> so_product {
    let stride = Int64(call.size(5))
    return so_product(
      rows: Int64(call.size(0)), columns: Int64(call.size(1)), depth: Int64(call.size(2)),
      a: operand(call, 0), b: operand(call, 1), c: UnsafeMutableRawPointer(call.values(5)),
      c_stride: stride, c_dtype: dtype, activation: Int32(call.setting(4)),
      mask_activation: Int32(call.setting(5)), is_symmetric: 0,
      may_use_library: 1, reserved: 0, alpha: call.setting(2),
      beta: call.setting(3), bias: call.data(2).map { UnsafeRawPointer($0) },
      residual: call.data(3).map { UnsafeRawPointer($0) }, residual_stride: stride,
      preactivation: call.data(6), mask: call.data(4).map { UnsafeRawPointer($0) },
      mask_stride: stride, column_sums: call.optional(7, Double.self),
      column_square_sums: call.optional(8, Double.self), workspace: nil)
  }

  private static func operand<Element: LayerElement>(
    _ call: LayerCall<Element>, _ array: Int
  ) -> so_operand {
    // Without elements it may lack an address, and is not read.
    let data = call.data(array) ?? UnsafeMutableRawPointer(call.values(5))
    return so_operand(
      data: UnsafeRawPointer(data), stride: Int64(call.size(3 &+ array)),
      dtype: call.dtype(array), is_transposed: call.flag(array) ? 1 : 0, is_packed: 0,
      reserved: 0)
  }

  /// Bytes for a bias that isn't in the dtype of the sums.
  private static func biasBytes<Element: LayerElement>(_ call: LayerCall<Element>) -> Int {
    guard call.data(2) != nil else { return 0 }
    let isFloat64 = call.dtype(0) == SO_FLOAT64 || call.dtype(1) == SO_FLOAT64
    if call.dtype(2) == so_dtype(isFloat64 ? SO_FLOAT64 : SO_FLOAT32) { return 0 }
    return (call.size(1) &* 8 &+ 63) & ~63
  }

  private static func convert<Sum: LayerNumber>(
    _ source: UnsafeRawPointer, _ dtype: so_dtype, _ count: Int,
    to target: UnsafeMutableRawPointer, as type: Sum.Type
  ) {
    let sums = target.assumingMemoryBound(to: Sum.self)
    switch dtype {
    case so_dtype(SO_FLOAT64):
      let numbers = source.assumingMemoryBound(to: Double.self)
      for index in 0..<count { sums[index] = Sum(numbers[index]) }
    case so_dtype(SO_FLOAT32):
      let numbers = source.assumingMemoryBound(to: Float.self)
      for index in 0..<count { sums[index] = Sum(Double(numbers[index])) }
    default:
      let numbers = source.assumingMemoryBound(to: BFloat16.self)
      for index in 0..<count { sums[index] = Sum(Double(numbers[index].number)) }
    }
  }
}
