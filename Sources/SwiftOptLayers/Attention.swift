import CSwiftOpt
import SwiftOptShims

/// Scaled dot-product attention (Vaswani et al. 2017, "Attention is all you need", section
/// 3.2.1) in every head, y = softmax(scale Q Kᵀ) V, where a causal one sees no later position.
///
/// As in FlashAttention (Dao et al. 2022), probabilities exist for a block of rows at a time,
/// and backward computes them again from the logarithm of each row's sum.
enum Attention: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("attention", usesProducts: true)
    description.input("qkv")
    description.output("y")
    description.output("log_sum_exp", .number, optional: true)
    describeHeads(description)
  }

  static func describeHeads(_ description: LayerDescription) {
    description.size("batch")
    description.size("time")
    description.size("heads")
    description.size("head_dim")
    description.flag("causal")
    description.setting("scale", 1)
  }

  static func check(_ plan: LayerPlan) {
    // Blocks of queries are counted off for every call.
    if plan.size(1) < 1 || plan.size(1) > 1 << 20 { plan.fault(size: 1, "in 1 ... 2^20") }
    plan.positive(3)
  }

  static func plan(_ plan: LayerPlan) {
    let shape = AttentionShape(plan)
    check(plan)
    plan.count(0, shape.batch, shape.time, shape.width, 3)
    plan.count(1, shape.batch, shape.time, shape.width)
    plan.count(2, shape.batch, shape.heads, shape.time)
    AttentionProducts(plan, shape, isBackward: false).plan(plan)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let shape = AttentionShape(call)
    let (input, output) = (call.values(0), call.values(1))
    let logarithms = call.optional(2, Element.Number.self)
    let products = AttentionProducts(call, shape, isBackward: false)
    products.forEachHead(call.workspace) { batch, head, memory in
      let place = batch &* shape.time &* shape.width
      let forward = AttentionForward(
        products: products, memory: memory,
        qkv: UnsafePointer(input + (place &* 3 &+ head &* shape.dim)),
        y: output + (place &+ head &* shape.dim),
        logSumExp: logarithms.map { $0 + (batch &* shape.heads &+ head) &* shape.time })
      forward.run()
    }
    return ranWell
  }
}

/// The gradient of `Attention` with respect to queries, keys and values.
enum AttentionBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("attention_backward", usesProducts: true)
    description.input("dy")
    description.input("qkv")
    description.input("y")
    description.input("log_sum_exp", .number)
    description.output("dqkv")
    Attention.describeHeads(description)
  }

  static func plan(_ plan: LayerPlan) {
    let shape = AttentionShape(plan)
    Attention.check(plan)
    plan.count(0, shape.batch, shape.time, shape.width)
    plan.count(1, shape.batch, shape.time, shape.width, 3)
    plan.count(2, shape.batch, shape.time, shape.width)
    plan.count(3, shape.batch, shape.heads, shape.time)
    plan.count(4, shape.batch, shape.time, shape.width, 3)
    AttentionProducts(plan, shape, isBackward: true).plan(plan)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let shape = AttentionShape(call)
    let (outer, input, output) = (call.values(0), call.values(1), call.values(2))
    let (logarithms, result) = (call.numbers(3), call.values(4))
    let products = AttentionProducts(call, shape, isBackward: true)
    products.forEachHead(call.workspace) { batch, head, memory in
      let place = batch &* shape.time &* shape.width
      let (single, triple) = (place &+ head &* shape.dim, place &* 3 &+ head &* shape.dim)
      let backward = AttentionHeadGradient(
        products: products, memory: memory, dy: UnsafePointer(outer + single),
        qkv: UnsafePointer(input + triple), y: UnsafePointer(output + single),
        logSumExp: UnsafePointer(logarithms + (batch &* shape.heads &+ head) &* shape.time),
        dqkv: result + triple)
      backward.run()
    }
    return ranWell
  }
}
