import SwiftOptMath
import SwiftOptShims

/// The forward pass of one head.
struct AttentionForward<Element: LayerElement> {
  typealias Number = Element.Number

  let products: AttentionProducts
  let memory: UnsafeMutableRawPointer
  let qkv: UnsafePointer<Element>
  let y: UnsafeMutablePointer<Element>
  let logSumExp: UnsafeMutablePointer<Number>?

  func run() {
    let shape = products.shape
    var begin = 0
    while begin < shape.time {
      let block = AttentionBlock(shape, begin: begin)
      products.multiply(products.scoreProduct(block, qkv: qkv, memory))
      for row in 0..<block.rows { takeSoftmax(block, row) }
      products.multiply(products.outputProduct(block, qkv: qkv, memory))
      for row in 0..<block.rows { scaleOutput(block, row) }
      begin &+= block.rows
    }
  }

  /// Of a row of scores, but for the division by the sum, which is left to the outputs: there
  /// are fewer of them.
  @inline(__always)
  private func takeSoftmax(_ block: AttentionBlock, _ row: Int) {
    let shape = products.shape
    let scores =
      (memory + products.scores).assumingMemoryBound(to: Number.self)
      + row &* shape.stride
    let probabilities =
      (memory + products.probabilities).assumingMemoryBound(to: Element.self)
      + row &* shape.stride
    let keys = shape.keys(of: block.begin &+ row)
    let padded = wholeLanes(keys)
    let top = greatest(scores, keys)
    let sum = exponentials(scores, keys, minus: top, into: scores)
    if MemoryLayout<Element>.size < MemoryLayout<Number>.size {
      var key = 0
      while key < padded {
        Element.store16(Number.load16(scores + key), probabilities + key)
        key &+= 16
      }
    }
    if padded < block.keys {
      (probabilities + padded).update(
        repeating: Element(rounding: 0), count: block.keys &- padded)
    }
    (memory + products.factors).assumingMemoryBound(to: Number.self)[row] = Number(1 / sum)
    if let logSumExp {
      // Neither infinity nor what is not a number has a logarithm here.
      let logarithm = sum < .infinity ? roundedLogarithm(DoubleDouble(high: sum, low: 0)) : .nan
      logSumExp[block.begin &+ row] = Number(Double(top) + logarithm)
    }
  }

  @inline(__always)
  private func scaleOutput(_ block: AttentionBlock, _ row: Int) {
    let shape = products.shape
    let numbers =
      (memory + products.outputs).assumingMemoryBound(to: Number.self)
      + row &* shape.dim
    let factor = (memory + products.factors).assumingMemoryBound(to: Number.self)[row]
    let target = y + (block.begin &+ row) &* shape.width
    var index = 0
    while index < shape.dim {
      storeLanes(
        Number.load16(numbers + index) * factor, target + index, shape.dim &- index)
      index &+= 16
    }
  }
}
