import CSwiftOpt
import SwiftOptShims

/// The sizes of attention. Queries, keys and values lie interleaved, as one product of the
/// input gives them: (batch, time, 3, heads, dim).
struct AttentionShape {
  let batch, time, heads, dim: Int
  let isCausal: Bool
  let scale: Double
  /// Elements of all heads at one time.
  let width: Int

  init(_ plan: LayerPlan) {
    (batch, time, heads, dim) = (plan.size(0), plan.size(1), plan.size(2), plan.size(3))
    (isCausal, scale) = (plan.setting(0) != 0, plan.setting(1))
    width = plan.product(heads, dim)
  }

  init<Element>(_ call: LayerCall<Element>) {
    (batch, time, heads, dim) = (call.size(0), call.size(1), call.size(2), call.size(3))
    (isCausal, scale) = (call.flag(0), call.setting(1))
    width = heads &* dim
  }

  /// Queries that are computed together.
  var blockRows: Int { time < 96 ? time : 96 }

  /// Numbers from one query's scores to the next one's: whole vectors, and no multiple of the
  /// 4 KB at which lines of the cache collide.
  var stride: Int { wholeLanes(time) % 256 == 0 ? time &+ 16 : wholeLanes(time) }

  /// How many keys a query sees.
  @inline(__always)
  func keys(of query: Int) -> Int { isCausal ? query &+ 1 : time }
}

/// A matrix in memory as an operand of a product.
@inline(__always)
func operand(
  _ data: UnsafeRawPointer, _ dtype: so_dtype, stride: Int, transposed: Bool = false
) -> so_operand {
  so_operand(
    data: data, stride: Int64(stride), dtype: Int32(dtype), is_transposed: transposed ? 1 : 0,
    is_packed: 0, reserved: 0)
}

/// c = alpha a b + beta c, without an epilogue.
@inline(__always)
func plainProduct(
  rows: Int, columns: Int, depth: Int, _ a: so_operand, _ b: so_operand,
  into c: UnsafeMutableRawPointer, _ dtype: so_dtype, stride: Int, alpha: Double = 1,
  beta: Double = 0, workspace: UnsafeMutableRawPointer?
) -> so_product {
  so_product(
    rows: Int64(rows), columns: Int64(columns), depth: Int64(depth), a: a, b: b, c: c,
    c_stride: Int64(stride), c_dtype: Int32(dtype), activation: Int32(SO_ACTIVATION_NONE),
    mask_activation: Int32(SO_ACTIVATION_NONE), is_symmetric: 0,
    may_use_library: 0, reserved: 0, alpha: alpha, beta: beta,
    bias: nil, residual: nil, residual_stride: 0, preactivation: nil, mask: nil, mask_stride: 0,
    column_sums: nil, column_square_sums: nil, workspace: workspace)
}

/// Queries that are computed together, and the keys that any of them sees.
struct AttentionBlock {
  let begin, rows, keys: Int

  init(_ shape: AttentionShape, begin: Int) {
    self.begin = begin
    let left = shape.time &- begin
    rows = left < shape.blockRows ? left : shape.blockRows
    keys = shape.keys(of: begin &+ rows &- 1)
  }
}
