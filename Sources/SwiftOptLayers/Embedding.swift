import CSwiftOpt
import SwiftOptShims

/// y[i] = weight[indices[i]]
enum Embedding: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("embedding")
    description.input("weight")
    description.input("indices", .index)
    description.output("y")
    description.size("count")
    description.size("num_embeddings")
    description.size("dim")
  }

  static func plan(_ plan: LayerPlan) {
    plan.positive(2)
    plan.count(0, plan.size(1), plan.size(2))
    plan.count(1, plan.size(0))
    plan.count(2, plan.size(0), plan.size(2))
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let (count, rows, dim) = (call.size(0), call.size(1), call.size(2))
    guard call.countIndices(1, count, below: rows) != nil else { return 1 }
    let (weight, output) = (call.values(0), call.values(2))
    // Not as elements: that is a loop over them.
    let bytes = dim &* MemoryLayout<Element>.stride
    parallelFor(count, grain: RowTasks.rows(features: dim)) { begin, end, _ in
      for position in begin..<end {
        let row = UnsafeRawPointer(weight + call.index(1, at: position) &* dim)
        UnsafeMutableRawPointer(output + position &* dim).copyMemory(from: row, byteCount: bytes)
      }
    }
    return ranWell
  }
}

/// dweight[r] = Σ dy[i] over all i with indices[i] = r, in the order of i; 0 in the row
/// `padding_idx`.
///
/// Tasks share out the columns, so none adds to what another does, and the order of each sum
/// is that of the indices.
enum EmbeddingBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("embedding_backward")
    description.input("dy")
    description.input("indices", .index)
    description.output("dweight", .number)
    description.size("count")
    description.size("num_embeddings")
    description.size("dim")
    description.setting("padding_idx", -1, minimum: -1)
  }

  static func plan(_ plan: LayerPlan) {
    plan.positive(2)
    plan.count(0, plan.size(0), plan.size(2))
    plan.count(1, plan.size(0))
    plan.count(2, plan.size(1), plan.size(2))
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let (count, rows, dim) = (call.size(0), call.size(1), call.size(2))
    guard call.countIndices(1, count, below: rows) != nil else { return 1 }
    let (gradient, sums) = (call.values(0), call.numbers(2))
    let padding = call.setting(0)
    parallelFor(rows &* dim, grain: 65536) { begin, end, _ in
      (sums + begin).update(repeating: 0, count: end &- begin)
    }
    // Little work is one task; else each takes at least a cache line's columns.
    let columns = count &* dim < 32768 ? dim : (dim / 8 &+ 31) & ~31
    parallelFor(dim, grain: columns) { begin, end, _ in
      for position in 0..<count {
        let row = call.index(1, at: position)
        if Double(row) == padding { continue }
        let (target, dy) = (sums + row &* dim, gradient + position &* dim)
        for column in begin..<end { target[column] += dy[column].number }
      }
    }
    return ranWell
  }
}
