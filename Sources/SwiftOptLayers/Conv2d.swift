import CSwiftOpt
import SwiftOptShims

/// y[n, i, j, o] = Σ x[n, i · stride + k · dilation - padding, ..., c] w[o, k, l, c] + bias[o],
/// c over the channels of the group of o; then the activation.
enum Conv2d: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("conv2d", usesProducts: true)
    description.input("x")
    description.input("weight")
    description.input("bias", .number, optional: true)
    description.output("y")
    description.output("column_sums", .sum, optional: true)
    description.output("column_square_sums", .sum, optional: true)
    Convolution.describe(description)
    description.setting("activation", 0, minimum: 0, maximum: Double(SO_ACTIVATION_SIGMOID))
  }

  static func plan(_ plan: LayerPlan) {
    guard let convolution = Convolution.checked(plan) else { return }
    convolution.countInput(plan, 0)
    convolution.countWeight(plan, 1)
    plan.count(2, convolution.outChannels)
    convolution.countOutput(plan, 3)
    plan.count(4, convolution.outChannels)
    plan.count(5, convolution.outChannels)
    guard !plan.hasFault else { return }
    if let direct = direct(convolution, plan.numberBytes, activation: plan.setting(0)) {
      plan.workspace(direct.bytes)
      return
    }
    let forward = Conv2dForward(
      convolution, plan.raw.pointee.dtype, any: UnsafeMutableRawPointer(plan.raw),
      hasSums: plan.has(4) || plan.has(5), plan.matrix)
    plan.workspace(forward.bytes)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let convolution = Convolution { call.size($0) }
    let (sums, squares) = (call.optional(4, Double.self), call.optional(5, Double.self))
    let bias = call.optional(2, Element.Number.self)
    if let direct = direct(
      convolution, MemoryLayout<Element.Number>.stride, activation: call.setting(0))
    {
      direct.run(
        x: call.values(0), weight: call.values(1), bias: bias, y: call.values(3), sums: sums,
        squares: squares, isRectified: call.setting(0) != 0, workspace: call.workspace)
      return ranWell
    }
    let forward = Conv2dForward(
      convolution, call.dtype(0), any: UnsafeMutableRawPointer(call.values(3)),
      hasSums: sums != nil || squares != nil, call.matrix)
    let activation = Int32(call.setting(0))
    if convolution.isPointwise {
      var product = forward.pointwise(
        UnsafeRawPointer(call.values(0)), UnsafeRawPointer(call.values(1)),
        UnsafeMutableRawPointer(call.values(3)))
      product.bias = bias.map { UnsafeRawPointer($0) }
      product.activation = activation
      product.column_sums = sums
      product.column_square_sums = squares
      product.workspace = call.workspace
      call.matrix.pointee.run(product)
    } else {
      forward.run(
        x: call.values(0), weight: call.values(1), bias: bias, y: call.values(3), sums: sums,
        squares: squares, activation: activation, workspace: call.workspace)
    }
    return ranWell
  }

  /// For short patches, with no activation or ReLU.
  private static func direct(
    _ convolution: Convolution, _ numberBytes: Int, activation: Double
  ) -> DirectForward? {
    let direct = DirectConvolution(convolution, numberBytes: numberBytes)
    let isKnown = activation == 0 || activation == Double(SO_ACTIVATION_RELU)
    return direct.suits && isKnown ? DirectForward(direct) : nil
  }
}

/// A forward pass by blocks of places. Its workspace has the packed weight, for each share the
/// sums of all columns and of those of one block, and for each share a block's patches and what
/// a product needs.
private struct Conv2dForward {
  let convolution: Convolution
  let dtype: so_dtype
  let matrix: UnsafePointer<so_matrix_functions>
  let any: UnsafeMutableRawPointer
  let patches: Patches
  let blocks: PatchBlocks
  let hasSums: Bool
  var packedBytes = 0
  var sumsBytes = 0
  var patchBytes = 0
  var productBytes = 0

  init(
    _ convolution: Convolution, _ dtype: so_dtype, any: UnsafeMutableRawPointer, hasSums: Bool,
    _ matrix: UnsafePointer<so_matrix_functions>
  ) {
    self.convolution = convolution
    self.dtype = dtype
    self.matrix = matrix
    self.any = any
    self.hasSums = hasSums
    let elementBytes = dtype == so_dtype(SO_FLOAT64) ? 8 : dtype == so_dtype(SO_FLOAT32) ? 4 : 2
    patches = Patches(
      rows: PatchAxis(forward: convolution.window.rows),
      columns: PatchAxis(forward: convolution.window.columns),
      channels: convolution.inChannels, taken: convolution.inGroup)
    blocks = PatchBlocks(
      pixels: convolution.outPixels, bytes: convolution.depth &* elementBytes)
    if convolution.isPointwise {
      productBytes = matrix.pointee.workspaceBytes(withSums(pointwise(any, any, any)))
    } else {
      packedBytes = matrix.pointee.packedBytes(product(rows: blocks.each))
      sumsBytes = roundedUp(hasSums ? 4 &* convolution.outChannels &* 8 : 0, to: 64)
      patchBytes = roundedUp(blocks.each &* convolution.depth &* elementBytes, to: 64)
      let full = matrix.pointee.workspaceBytes(withSums(product(rows: blocks.each)))
      let last = matrix.pointee.workspaceBytes(withSums(product(rows: blocks.last)))
      productBytes = full > last ? full : last
    }
  }

  private var shareBytes: Int { sumsBytes &+ patchBytes &+ productBytes }

  var bytes: Int {
    convolution.isPointwise
      ? productBytes
      : packedBytes &* convolution.groups &+ blocks.shares.number &* shareBytes
  }

  /// All places at once, a row each.
  func pointwise(
    _ x: UnsafeRawPointer, _ weight: UnsafeRawPointer, _ y: UnsafeMutableRawPointer
  ) -> so_product {
    convolutionProduct(
      rows: convolution.outPixels, columns: convolution.outChannels,
      depth: convolution.inChannels,
      a: convolutionOperand(x, dtype, stride: convolution.inChannels),
      b: convolutionOperand(weight, dtype, stride: convolution.inChannels, isTransposed: true),
      c: y, dtype, stride: convolution.outChannels)
  }

  /// A block of places, for one group, from a packed weight.
  private func product(rows: Int) -> so_product {
    convolutionProduct(
      rows: rows, columns: convolution.outGroup, depth: convolution.depth,
      a: convolutionOperand(any, dtype, stride: convolution.depth),
      b: convolutionOperand(
        any, dtype, stride: convolution.depth, isTransposed: true, isPacked: true),
      c: any, dtype, stride: convolution.outChannels)
  }

  private func withSums(_ product: so_product) -> so_product {
    var product = product
    if hasSums {
      product.column_sums = any.assumingMemoryBound(to: Double.self)
      product.column_square_sums = product.column_sums
    }
    return product
  }

  func run<Element: LayerElement>(
    x: UnsafePointer<Element>, weight: UnsafePointer<Element>,
    bias: UnsafePointer<Element.Number>?, y: UnsafeMutablePointer<Element>,
    sums: UnsafeMutablePointer<Double>?, squares: UnsafeMutablePointer<Double>?,
    activation: Int32, workspace: UnsafeMutableRawPointer
  ) {
    let (inGroup, outGroup) = (convolution.inGroup, convolution.outGroup)
    let outChannels = convolution.outChannels
    for group in 0..<convolution.groups {
      var packing = product(rows: blocks.each)
      packing.b.data = UnsafeRawPointer(weight + group &* outGroup &* convolution.depth)
      packing.b.is_packed = 0
      matrix.pointee.pack(packing, workspace + group &* packedBytes)
    }
    let shareMemory = workspace + packedBytes &* convolution.groups
    blocks.shares.parallel { share, steps, _ in
      let memory = shareMemory + share &* shareBytes
      let totals = memory.assumingMemoryBound(to: Double.self)
      if hasSums { for index in 0..<2 &* outChannels { totals[index] = 0 } }
      let fresh = totals + 2 &* outChannels
      let gathered = (memory + sumsBytes).assumingMemoryBound(to: Element.self)
      for block in steps {
        let pixels = blocks.range(block)
        for group in 0..<convolution.groups {
          patches.gather(pixels, x + group &* inGroup, gathered)
          var product = product(rows: pixels.count)
          product.a.data = UnsafeRawPointer(gathered)
          product.b.data = UnsafeRawPointer(workspace + group &* packedBytes)
          product.c = UnsafeMutableRawPointer(
            y + (pixels.lowerBound &* outChannels &+ group &* outGroup))
          product.bias = bias.map { UnsafeRawPointer($0 + group &* outGroup) }
          product.activation = activation
          if hasSums {
            product.column_sums = fresh + group &* outGroup
            product.column_square_sums = fresh + (outChannels &+ group &* outGroup)
          }
          product.workspace = memory + sumsBytes + patchBytes
          matrix.pointee.run(product)
        }
        if hasSums { for index in 0..<2 &* outChannels { totals[index] += fresh[index] } }
      }
    }
    if hasSums { finish(shareMemory, sums, squares) }
  }

  /// Adds the shares' sums up in their order.
  private func finish(
    _ memory: UnsafeRawPointer, _ sums: UnsafeMutablePointer<Double>?,
    _ squares: UnsafeMutablePointer<Double>?
  ) {
    let partials = memory.assumingMemoryBound(to: Double.self)
    if let sums {
      combine(
        partials, shares: blocks.shares.number, stride: shareBytes / 8,
        count: convolution.outChannels, into: sums)
    }
    if let squares {
      combine(
        partials + convolution.outChannels, shares: blocks.shares.number,
        stride: shareBytes / 8, count: convolution.outChannels, into: squares)
    }
  }
}
