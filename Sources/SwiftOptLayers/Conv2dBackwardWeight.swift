import CSwiftOpt
import SwiftOptShims

/// The gradient of a convolution's weight, dw[o, k, l, c] = Σ dy[n, i, j, o] x[n, i · stride + k ·
/// dilation - padding, ..., c], and of its bias if asked for. Each share of the places adds up a
/// gradient of its own.
enum Conv2dBackwardWeight: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("conv2d_backward_weight", usesProducts: true)
    description.input("dy")
    description.input("x")
    description.output("dweight", .number)
    description.output("dbias", .number, optional: true)
    Convolution.describe(description)
  }

  static func plan(_ plan: LayerPlan) {
    guard let convolution = Convolution.checked(plan) else { return }
    convolution.countOutput(plan, 0)
    convolution.countInput(plan, 1)
    convolution.countWeight(plan, 2)
    plan.count(3, convolution.outChannels)
    guard !plan.hasFault else { return }
    let direct = DirectConvolution(convolution, numberBytes: plan.numberBytes)
    if direct.suits {
      plan.workspace(DirectWeightGradient(direct).bytes)
      return
    }
    let gradient = WeightGradient(
      convolution, plan.raw.pointee.dtype, any: UnsafeMutableRawPointer(plan.raw), plan.matrix)
    plan.workspace(gradient.bytes)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let convolution = Convolution { call.size($0) }
    let (dy, x) = (call.values(0), call.values(1))
    let (dweight, dbias) = (call.numbers(2), call.optional(3, Element.Number.self))
    let direct = DirectConvolution(
      convolution, numberBytes: MemoryLayout<Element.Number>.stride)
    if direct.suits {
      DirectWeightGradient(direct).run(
        dy: dy, x: x, dweight: dweight, dbias: dbias, workspace: call.workspace)
      return ranWell
    }
    WeightGradient(
      convolution, call.dtype(0), any: UnsafeMutableRawPointer(dweight), call.matrix
    ).run(dy: dy, x: x, dweight: dweight, dbias: dbias, workspace: call.workspace)
    return ranWell
  }
}

/// The workspace has each share's sums of the bias's gradient; then for each share its part of
/// the weight's gradient, a block's patches and what a product needs.
private struct WeightGradient {
  let convolution: Convolution
  let dtype: so_dtype
  let matrix: UnsafePointer<so_matrix_functions>
  let any: UnsafeMutableRawPointer
  let patches: Patches
  let blocks: PatchBlocks
  let biasShares: Shares
  var partialBytes = 0
  var patchBytes = 0
  var productBytes = 0

  init(
    _ convolution: Convolution, _ dtype: so_dtype, any: UnsafeMutableRawPointer,
    _ matrix: UnsafePointer<so_matrix_functions>
  ) {
    self.convolution = convolution
    self.dtype = dtype
    self.matrix = matrix
    self.any = any
    let elementBytes = dtype == so_dtype(SO_FLOAT64) ? 8 : dtype == so_dtype(SO_FLOAT32) ? 4 : 2
    let numberBytes = dtype == so_dtype(SO_FLOAT64) ? 8 : 4
    patches = Patches(
      rows: PatchAxis(forward: convolution.window.rows),
      columns: PatchAxis(forward: convolution.window.columns),
      channels: convolution.inChannels, taken: convolution.inGroup)
    partialBytes = roundedUp(
      convolution.outChannels &* convolution.depth &* numberBytes, to: 64)
    // Many parts cost more than they are worth if the gradient is large.
    let fitting = (1 << 24) / partialBytes
    blocks = PatchBlocks(
      pixels: convolution.outPixels, bytes: convolution.depth &* elementBytes,
      most: fitting < 4 ? 4 : fitting > 32 ? 32 : fitting, budget: 1 << 18)
    biasShares = Shares(convolution.outPixels)
    if convolution.isPointwise {
      partialBytes = 0
      productBytes = matrix.pointee.workspaceBytes(pointwise(any, any, any))
    } else {
      patchBytes = roundedUp(blocks.each &* convolution.depth &* elementBytes, to: 64)
      let full = matrix.pointee.workspaceBytes(product(depth: blocks.each, isFirst: false))
      let last = matrix.pointee.workspaceBytes(product(depth: blocks.last, isFirst: false))
      productBytes = full > last ? full : last
    }
  }

  private var biasBytes: Int {
    roundedUp(biasShares.number &* convolution.outChannels &* 8, to: 64)
  }
  private var shareBytes: Int { partialBytes &+ patchBytes &+ productBytes }

  var bytes: Int {
    biasBytes
      &+ (convolution.isPointwise ? productBytes : blocks.shares.number &* shareBytes)
  }

  private func pointwise(
    _ dy: UnsafeRawPointer, _ x: UnsafeRawPointer, _ dweight: UnsafeMutableRawPointer
  ) -> so_product {
    convolutionProduct(
      rows: convolution.outChannels, columns: convolution.inChannels,
      depth: convolution.outPixels,
      a: convolutionOperand(dy, dtype, stride: convolution.outChannels, isTransposed: true),
      b: convolutionOperand(x, dtype, stride: convolution.inChannels),
      c: dweight, numberDtype(dtype), stride: convolution.inChannels)
  }

  private func product(depth: Int, isFirst: Bool) -> so_product {
    var product = convolutionProduct(
      rows: convolution.outGroup, columns: convolution.depth, depth: depth,
      a: convolutionOperand(any, dtype, stride: convolution.outChannels, isTransposed: true),
      b: convolutionOperand(any, dtype, stride: convolution.depth), c: any, numberDtype(dtype),
      stride: convolution.depth)
    product.beta = isFirst ? 0 : 1
    return product
  }

  func run<Element: LayerElement>(
    dy: UnsafePointer<Element>, x: UnsafePointer<Element>,
    dweight: UnsafeMutablePointer<Element.Number>, dbias: UnsafeMutablePointer<Element.Number>?,
    workspace: UnsafeMutableRawPointer
  ) {
    if let dbias {
      sumPixels(dy, into: dbias, workspace.assumingMemoryBound(to: Double.self))
    }
    let memory = workspace + biasBytes
    if convolution.isPointwise {
      var product = pointwise(
        UnsafeRawPointer(dy), UnsafeRawPointer(x), UnsafeMutableRawPointer(dweight))
      product.workspace = memory
      matrix.pointee.run(product)
      return
    }
    blocks.shares.parallel { share, steps, _ in
      let part = memory + share &* shareBytes
      let gathered = (part + partialBytes).assumingMemoryBound(to: Element.self)
      for block in steps {
        let pixels = blocks.range(block)
        for group in 0..<convolution.groups {
          patches.gather(pixels, x + group &* convolution.inGroup, gathered)
          var product = product(depth: pixels.count, isFirst: block == steps.lowerBound)
          product.a.data = UnsafeRawPointer(
            dy
              + (pixels.lowerBound &* convolution.outChannels &+ group &* convolution.outGroup))
          product.b.data = UnsafeRawPointer(gathered)
          product.c = UnsafeMutableRawPointer(
            part.assumingMemoryBound(to: Element.Number.self)
              + group &* convolution.outGroup &* convolution.depth)
          product.workspace = part + (partialBytes &+ patchBytes)
          matrix.pointee.run(product)
        }
      }
    }
    combineParts(memory, into: dweight)
  }

  /// Adds the shares' gradients up in their order.
  private func combineParts<Number: LayerNumber>(
    _ memory: UnsafeRawPointer, into dweight: UnsafeMutablePointer<Number>
  ) {
    let parts = memory.assumingMemoryBound(to: Number.self)
    let stride = shareBytes / MemoryLayout<Number>.stride
    let shares = blocks.shares.number
    parallelFor(convolution.outChannels &* convolution.depth, grain: 4096) { begin, end, _ in
      for index in begin..<end { dweight[index] = parts[index] }
      for share in 1..<(shares < 1 ? 1 : shares) {
        let part = parts + share &* stride
        for index in begin..<end { dweight[index] += part[index] }
      }
    }
  }

  /// The bias's gradient: the sum over all places.
  private func sumPixels<Element: LayerElement>(
    _ dy: UnsafePointer<Element>, into dbias: UnsafeMutablePointer<Element.Number>,
    _ partials: UnsafeMutablePointer<Double>
  ) {
    let channels = convolution.outChannels
    biasShares.parallel { share, pixels, _ in
      let sums = partials + share &* channels
      for channel in 0..<channels { sums[channel] = 0 }
      for pixel in pixels {
        let values = dy + pixel &* channels
        for channel in 0..<channels { sums[channel] += Double(values[channel].number) }
      }
    }
    for channel in 0..<channels {
      var sum = 0.0
      for share in 0..<biasShares.number { sum += partials[share &* channels &+ channel] }
      dbias[channel] = Element.Number(sum)
    }
  }
}
