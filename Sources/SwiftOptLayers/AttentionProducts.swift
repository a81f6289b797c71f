import CSwiftOpt
import SwiftOptShims

/// The matrix products of attention in one head, and what a head needs of the workspace: for
/// each query of a block a row of scores, of which the products make everything else.
struct AttentionProducts {
  let shape: AttentionShape
  let matrix: UnsafePointer<so_matrix_functions>
  let isBackward: Bool
  /// Of values, and of numbers.
  let dtype, numberDtype: so_dtype
  let valueBytes: Int

  // Bytes from the beginning of a head's workspace to its parts. Where values are numbers,
  // probabilities and the scores' gradients are in the places of what they are made of.

  /// (rows, keys), numbers: scale Q Kᵀ
  let scores = 0
  /// (rows, keys), values: the softmax of the scores
  let probabilities: Int
  /// (rows, keys), numbers: dY Vᵀ
  let probabilityGradients: Int
  /// (rows, keys), values
  let scoreGradients: Int
  /// (rows, dim), numbers: the product of probabilities and values
  let outputs: Int
  /// (rows,), numbers: one over each row's sum
  let factors: Int
  /// (time, dim), numbers
  let keyGradients, valueGradients: Int
  /// The products' own workspace.
  let rest: Int

  private init(
    _ shape: AttentionShape, _ matrix: UnsafePointer<so_matrix_functions>, _ dtype: so_dtype,
    _ isBackward: Bool
  ) {
    self.shape = shape
    self.matrix = matrix
    self.isBackward = isBackward
    self.dtype = dtype
    numberDtype = dtype == SO_FLOAT64 ? so_dtype(SO_FLOAT64) : so_dtype(SO_FLOAT32)
    valueBytes = dtype == SO_FLOAT64 ? 8 : dtype == SO_FLOAT32 ? 4 : 2
    let numberBytes = dtype == SO_FLOAT64 ? 8 : 4
    let square = shape.blockRows &* shape.stride
    let isRounded = dtype == SO_BFLOAT16
    // One vector more, which may be read past the last row's end.
    let outputSize = (wholeLanes(shape.blockRows &* shape.dim) &+ 16) &* numberBytes
    let gradientSize = (wholeLanes(shape.time &* shape.dim) &+ 16) &* numberBytes
    probabilities = isRounded ? square &* 4 : scores
    let scoresEnd = square &* numberBytes &+ (isRounded ? square &* valueBytes : 0)
    (outputs, probabilityGradients) = (scoresEnd, scoresEnd)
    factors = outputs &+ outputSize
    scoreGradients =
      isRounded ? probabilityGradients &+ square &* 4 : probabilityGradients
    keyGradients =
      probabilityGradients &+ square &* numberBytes &+ (isRounded ? square &* valueBytes : 0)
    valueGradients = keyGradients &+ gradientSize
    let end =
      isBackward
      ? valueGradients &+ gradientSize : factors &+ wholeLanes(shape.blockRows) &* numberBytes
    rest = (end &+ 63) & ~63
  }

  init(_ plan: LayerPlan, _ shape: AttentionShape, isBackward: Bool) {
    self.init(shape, plan.matrix, plan.raw.pointee.dtype, isBackward)
  }

  init<Element>(_ call: LayerCall<Element>, _ shape: AttentionShape, isBackward: Bool) {
    self.init(shape, call.matrix, call.dtype(0), isBackward)
  }

  /// Asks for the workspace.
  func plan(_ plan: LayerPlan) {
    // No size is then so large that what follows overflows.
    _ = plan.product(wholeLanes(shape.time), 1024 &+ wholeLanes(shape.dim), 64)
    guard plan.raw.pointee.fault == nil else { return }
    plan.workspace(slots(room).bytes)
  }

  /// Calls `body` with batch, head and workspace of every head, on all threads.
  @inline(__always)
  func forEachHead(
    _ workspace: UnsafeMutableRawPointer,
    _ body: @escaping (Int, Int, UnsafeMutableRawPointer) -> Void
  ) {
    let heads = shape.heads
    let slots = slots(room)
    slots.clear(workspace)
    parallelFor(shape.batch &* heads, grain: 1) { index, _, _ in
      let slot = slots.take(workspace)
      body(index / heads, index % heads, slots.memory(workspace, slot))
      slots.giveBack(workspace, slot)
    }
  }

  private func slots(_ room: Int) -> Slots { Slots(of: room, most: shape.batch &* shape.heads) }

  /// Bytes of workspace of a head.
  private var room: Int {
    // What would be there doesn't matter.
    let place = UnsafeMutableRawPointer(mutating: UnsafeRawPointer(matrix))
    var most: Int64 = 0
    var begin = 0
    while begin < shape.time {
      let block = AttentionBlock(shape, begin: begin)
      forEachProduct(block, place) { product in
        let size = withUnsafePointer(to: product) { matrix.pointee.workspace_size?($0) ?? 0 }
        most = size > most ? size : most
      }
      begin &+= block.rows
    }
    return rest &+ Int(most)
  }

  private func forEachProduct(
    _ block: AttentionBlock, _ place: UnsafeMutableRawPointer, _ body: (so_product) -> Void
  ) {
    body(scoreProduct(block, qkv: place, place))
    if isBackward {
      body(probabilityGradientProduct(block, dy: place, qkv: place, place))
      body(queryGradientProduct(block, qkv: place, dqkv: place, place))
      for beta in 0..<2 {
        body(keyGradientProduct(block, qkv: place, place, beta: Double(beta)))
        body(valueGradientProduct(block, dy: place, place, beta: Double(beta)))
      }
    } else {
      body(outputProduct(block, qkv: place, place))
    }
  }

  func multiply(_ product: so_product) {
    withUnsafePointer(to: product) { matrix.pointee.multiply?($0) }
  }

  // Where the head's queries, keys (1) and values (2) are, beginning with the query or key of
  // time `time`.
  private func part(_ qkv: UnsafeRawPointer, _ part: Int, _ time: Int) -> UnsafeRawPointer {
    qkv + (time &* 3 &+ part) &* shape.width &* valueBytes
  }

  private func part(
    _ qkv: UnsafeRawPointer, _ index: Int, _ time: Int, transposed: Bool = false
  ) -> so_operand {
    operand(part(qkv, index, time), dtype, stride: 3 &* shape.width, transposed: transposed)
  }

  /// Outputs' gradients of the block.
  private func gradients(_ dy: UnsafeRawPointer, _ block: AttentionBlock) -> so_operand {
    operand(dy + block.begin &* shape.width &* valueBytes, dtype, stride: shape.width)
  }

  func scoreProduct(
    _ block: AttentionBlock, qkv: UnsafeRawPointer, _ memory: UnsafeMutableRawPointer
  ) -> so_product {
    plainProduct(
      rows: block.rows, columns: block.keys, depth: shape.dim,
      part(qkv, 0, block.begin), part(qkv, 1, 0, transposed: true),
      into: memory + scores, numberDtype, stride: shape.stride, alpha: shape.scale,
      workspace: memory + rest)
  }

  func outputProduct(
    _ block: AttentionBlock, qkv: UnsafeRawPointer, _ memory: UnsafeMutableRawPointer
  ) -> so_product {
    plainProduct(
      rows: block.rows, columns: shape.dim, depth: block.keys,
      operand(memory + probabilities, dtype, stride: shape.stride), part(qkv, 2, 0),
      into: memory + outputs, numberDtype, stride: shape.dim, workspace: memory + rest)
  }

  func probabilityGradientProduct(
    _ block: AttentionBlock, dy: UnsafeRawPointer, qkv: UnsafeRawPointer,
    _ memory: UnsafeMutableRawPointer
  ) -> so_product {
    plainProduct(
      rows: block.rows, columns: block.keys, depth: shape.dim,
      gradients(dy, block), part(qkv, 2, 0, transposed: true),
      into: memory + probabilityGradients, numberDtype, stride: shape.stride,
      workspace: memory + rest)
  }

  func queryGradientProduct(
    _ block: AttentionBlock, qkv: UnsafeRawPointer, dqkv: UnsafeMutableRawPointer,
    _ memory: UnsafeMutableRawPointer
  ) -> so_product {
    plainProduct(
      rows: block.rows, columns: shape.dim, depth: block.keys,
      operand(memory + scoreGradients, dtype, stride: shape.stride), part(qkv, 1, 0),
      into: UnsafeMutableRawPointer(mutating: part(dqkv, 0, block.begin)), dtype,
      stride: 3 &* shape.width, alpha: shape.scale, workspace: memory + rest)
  }

  func keyGradientProduct(
    _ block: AttentionBlock, qkv: UnsafeRawPointer, _ memory: UnsafeMutableRawPointer, beta: Double
  ) -> so_product {
    plainProduct(
      rows: block.keys, columns: shape.dim, depth: block.rows,
      operand(memory + scoreGradients, dtype, stride: shape.stride, transposed: true),
      part(qkv, 0, block.begin), into: memory + keyGradients, numberDtype, stride: shape.dim,
      alpha: shape.scale, beta: beta, workspace: memory + rest)
  }

  func valueGradientProduct(
    _ block: AttentionBlock, dy: UnsafeRawPointer, _ memory: UnsafeMutableRawPointer, beta: Double
  ) -> so_product {
    plainProduct(
      rows: block.keys, columns: shape.dim, depth: block.rows,
      operand(memory + probabilities, dtype, stride: shape.stride, transposed: true),
      gradients(dy, block), into: memory + valueGradients, numberDtype, stride: shape.dim,
      beta: beta, workspace: memory + rest)
  }
}
