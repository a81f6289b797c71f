import SwiftOptMath
import SwiftOptShims

/// The backward pass of one head: with P the probabilities and D the rows' sums of dY Y,
///
///     dS = P (dY Vᵀ - D)    dQ = scale dS K    dK = scale dSᵀ Q    dV = Pᵀ dY
struct AttentionHeadGradient<Element: LayerElement> {
  typealias Number = Element.Number

  let products: AttentionProducts
  let memory: UnsafeMutableRawPointer
  let dy, qkv, y: UnsafePointer<Element>
  let logSumExp: UnsafePointer<Number>
  let dqkv: UnsafeMutablePointer<Element>

  func run() {
    let shape = products.shape
    // The last block sees all keys: it writes what the others add to.
    var begin = (shape.time &- 1) / shape.blockRows &* shape.blockRows
    var beta = 0.0
    while begin >= 0 {
      let block = AttentionBlock(shape, begin: begin)
      products.multiply(products.scoreProduct(block, qkv: qkv, memory))
      products.multiply(products.probabilityGradientProduct(block, dy: dy, qkv: qkv, memory))
      for row in 0..<block.rows { differentiate(block, row) }
      products.multiply(products.queryGradientProduct(block, qkv: qkv, dqkv: dqkv, memory))
      products.multiply(products.keyGradientProduct(block, qkv: qkv, memory, beta: beta))
      products.multiply(products.valueGradientProduct(block, dy: dy, memory, beta: beta))
      beta = 1
      begin &-= shape.blockRows
    }
    store(products.keyGradients, part: 1)
    store(products.valueGradients, part: 2)
  }

  /// From scores and gradients of probabilities to probabilities and gradients of scores.
  @inline(__always)
  private func differentiate(_ block: AttentionBlock, _ row: Int) {
    let shape = products.shape
    let start = row &* shape.stride
    let scores = (memory + products.scores).assumingMemoryBound(to: Number.self) + start
    let gradients =
      (memory + products.probabilityGradients).assumingMemoryBound(to: Number.self) + start
    let probabilities =
      (memory + products.probabilities).assumingMemoryBound(to: Element.self) + start
    let scoreGradients =
      (memory + products.scoreGradients).assumingMemoryBound(to: Element.self) + start
    let mean = rowProduct(block.begin &+ row)
    let logarithm = logSumExp[block.begin &+ row]
    let keys = shape.keys(of: block.begin &+ row)
    var key = 0
    while key < keys {
      let p = mapLanes(Number.load16(scores + key) - logarithm, scores + key) {
        Number.fastExponential($0)
      }
      let ds = p * (Number.load16(gradients + key) - mean)
      Element.store16(p, probabilities + key)
      Element.store16(ds, scoreGradients + key)
      key &+= 16
    }
    if keys < block.keys {
      let zero = Element(rounding: 0)
      (probabilities + keys).update(repeating: zero, count: block.keys &- keys)
      (scoreGradients + keys).update(repeating: zero, count: block.keys &- keys)
    }
  }

  /// Σ dY Y of one query, which is the sum of its probabilities' gradients, each times its
  /// probability.
  @inline(__always)
  private func rowProduct(_ query: Int) -> Number {
    let shape = products.shape
    let (outer, output) = (dy + query &* shape.width, y + query &* shape.width)
    return Number(dotProduct(outer, output, shape.dim))
  }

  private func store(_ offset: Int, part: Int) {
    let shape = products.shape
    let numbers = (memory + offset).assumingMemoryBound(to: Number.self)
    for time in 0..<shape.time {
      let target = dqkv + (time &* 3 &+ part) &* shape.width
      var index = 0
      while index < shape.dim {
        storeLanes(
          Number.load16(numbers + (time &* shape.dim &+ index)), target + index,
          shape.dim &- index)
        index &+= 16
      }
    }
  }
}
