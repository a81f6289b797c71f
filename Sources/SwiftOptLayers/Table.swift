import CSwiftOpt
import SwiftOptShims

// The one symbol of each level that the rest of the library may see.

#if SWIFTOPT_AVX512
  @c @implementation
  public func so_layers_avx512(_ out: UnsafeMutablePointer<so_layers>) { fill(out) }
#elseif SWIFTOPT_AVX2
  @c @implementation
  public func so_layers_avx2(_ out: UnsafeMutablePointer<so_layers>) { fill(out) }
#else
  @c @implementation
  public func so_layers_baseline(_ out: UnsafeMutablePointer<so_layers>) { fill(out) }
#endif

@inline(__always)
private func fill(_ table: UnsafeMutablePointer<so_layers>) {
  table.pointee = so_layers(
    describe: { id, out in
      var visitor = Describing(description: LayerDescription(raw: out))
      return visitLayer(id, &visitor) ? 1 : 0
    },
    plan: { raw in
      guard let call = raw.pointee.call, let matrix = raw.pointee.matrix else { return }
      var visitor = Planning(plan: LayerPlan(raw: raw, call: call, matrix: matrix))
      _ = visitLayer(raw.pointee.layer, &visitor)
    },
    run: { call, dtype, matrix in
      var visitor = Running(call: call, dtype: dtype, matrix: matrix)
      _ = visitLayer(call.pointee.layer, &visitor)
      return visitor.result
    })
}

private struct Describing: LayerVisitor {
  let description: LayerDescription

  mutating func visit<Function: LayerFunction>(_ function: Function.Type) {
    Function.describe(description)
  }
}

private struct Planning: LayerVisitor {
  let plan: LayerPlan

  mutating func visit<Function: LayerFunction>(_ function: Function.Type) {
    Function.plan(plan)
  }
}

private struct Running: LayerVisitor {
  let call: UnsafePointer<so_layer_call>
  let dtype: so_dtype
  let matrix: UnsafePointer<so_matrix_functions>
  var result = ranWell

  mutating func visit<Function: LayerFunction>(_ function: Function.Type) {
    switch dtype {
    case so_dtype(SO_FLOAT64):
      result = Function.run(LayerCall<Double>(raw: call, matrix: matrix))
    case so_dtype(SO_BFLOAT16):
      result = Function.run(LayerCall<BFloat16>(raw: call, matrix: matrix))
    default:
      result = Function.run(LayerCall<Float>(raw: call, matrix: matrix))
    }
  }
}
