import CSwiftOpt
import SwiftOptShims

/// The gradient of a convolution's input. The places of the input are taken by their remainder
/// when divided by the stride: those with the same remainder are reached by the same taps, and
/// their gradient is a convolution with stride 1 of the output's gradient. Where a stride is
/// longer than the kernel, no tap reaches some places, whose gradient is 0.
enum Conv2dBackwardInput: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("conv2d_backward_input", usesProducts: true)
    description.input("dy")
    description.input("weight")
    description.output("dx")
    Convolution.describe(description)
  }

  static func plan(_ plan: LayerPlan) {
    guard let convolution = Convolution.checked(plan) else { return }
    convolution.countOutput(plan, 0)
    convolution.countWeight(plan, 1)
    convolution.countInput(plan, 2)
    guard !plan.hasFault else { return }
    let any = UnsafeMutableRawPointer(plan.raw)
    if convolution.isPointwise {
      plan.workspace(
        plan.matrix.pointee.workspaceBytes(
          pointwise(convolution, plan.raw.pointee.dtype, any, any, any)))
      return
    }
    var most = 0
    forEachKind(convolution.window.rows) { row in
      forEachKind(convolution.window.columns) { column in
        let phase = InputPhase(
          convolution, plan.raw.pointee.dtype, any: any, row: row, column: column, plan.matrix)
        most = phase.bytes > most ? phase.bytes : most
      }
    }
    plan.workspace(most)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let convolution = Convolution { call.size($0) }
    let (dy, weight, dx) = (call.values(0), call.values(1), call.values(2))
    if convolution.isPointwise {
      var product = pointwise(
        convolution, call.dtype(0), UnsafeRawPointer(dy), UnsafeRawPointer(weight),
        UnsafeMutableRawPointer(dx))
      product.workspace = call.workspace
      call.matrix.pointee.run(product)
      return ranWell
    }
    let (rows, columns) = (convolution.window.rows, convolution.window.columns)
    if reached(rows) < rows.phases || reached(columns) < columns.phases {
      parallelFor(convolution.inPixels &* convolution.inChannels, grain: 65536) { begin, end, _ in
        (dx + begin).update(repeating: Element(rounding: 0), count: end &- begin)
      }
    }
    for row in rows.phaseTaps where isReached(rows, row) {
      for column in columns.phaseTaps where isReached(columns, column) {
        InputPhase(
          convolution, call.dtype(0), any: UnsafeMutableRawPointer(dx), row: row,
          column: column, call.matrix
        ).run(dy: dy, weight: weight, dx: dx, workspace: call.workspace)
      }
    }
    return ranWell
  }

  private static func pointwise(
    _ convolution: Convolution, _ dtype: so_dtype, _ dy: UnsafeRawPointer,
    _ weight: UnsafeRawPointer, _ dx: UnsafeMutableRawPointer
  ) -> so_product {
    convolutionProduct(
      rows: convolution.outPixels, columns: convolution.inChannels,
      depth: convolution.outChannels,
      a: convolutionOperand(dy, dtype, stride: convolution.outChannels),
      b: convolutionOperand(weight, dtype, stride: convolution.inChannels),
      c: dx, dtype, stride: convolution.inChannels)
  }

  /// Whether the input has places that the tap reaches.
  private static func isReached(_ axis: WindowAxis, _ tap: Int) -> Bool {
    axis.phase(ofTap: tap) < axis.input
  }

  /// How many of the remainders that places of the input have are reached.
  private static func reached(_ axis: WindowAxis) -> Int {
    var count = 0
    for tap in axis.phaseTaps where isReached(axis, tap) { count &+= 1 }
    return count
  }

  /// One of the taps whose places need the same workspace: of which there are as many, reached
  /// by as many taps. Either number is one of two neighbours.
  private static func forEachKind(_ axis: WindowAxis, _ body: (Int) -> Void) {
    var seen = 0
    for tap in axis.phaseTaps where isReached(axis, tap) {
      let patch = PatchAxis(backward: axis, tap: tap)
      let kind = 1 &<< ((patch.taps & 1) &* 2 &+ (patch.target & 1))
      if seen & kind == 0 { body(tap) }
      seen |= kind
    }
  }
}

/// The places of the input with one remainder, which are reached by a tap of the kernel's rows
/// and one of its columns. The workspace has the taps' weights as rows of a
/// matrix, for one group at a time, the same packed for each group, and for each share a block's
/// patches, its result and what a product needs.
private struct InputPhase {
  let convolution: Convolution
  let dtype: so_dtype
  let matrix: UnsafePointer<so_matrix_functions>
  let any: UnsafeMutableRawPointer
  /// The remainders.
  let row: Int
  let column: Int
  let patches: Patches
  let blocks: PatchBlocks
  var weightBytes = 0
  var packedBytes = 0
  var patchBytes = 0
  var resultBytes = 0
  var productBytes = 0

  init(
    _ convolution: Convolution, _ dtype: so_dtype, any: UnsafeMutableRawPointer, row: Int,
    column: Int, _ matrix: UnsafePointer<so_matrix_functions>
  ) {
    self.convolution = convolution
    self.dtype = dtype
    self.matrix = matrix
    self.any = any
    self.row = convolution.window.rows.phase(ofTap: row)
    self.column = convolution.window.columns.phase(ofTap: column)
    let elementBytes = dtype == so_dtype(SO_FLOAT64) ? 8 : dtype == so_dtype(SO_FLOAT32) ? 4 : 2
    patches = Patches(
      rows: PatchAxis(backward: convolution.window.rows, tap: row),
      columns: PatchAxis(backward: convolution.window.columns, tap: column),
      channels: convolution.outChannels, taken: convolution.outGroup)
    blocks = PatchBlocks(
      pixels: convolution.window.batch &* patches.targetPixels,
      bytes: (patches.depth &+ (Self.isDense(convolution) ? 0 : convolution.inGroup))
        &* elementBytes)
    weightBytes = roundedUp(patches.depth &* convolution.inGroup &* elementBytes, to: 64)
    packedBytes = matrix.pointee.packedBytes(product(rows: blocks.each))
    patchBytes = roundedUp(blocks.each &* patches.depth &* elementBytes, to: 64)
    if !Self.isDense(convolution) {
      resultBytes = roundedUp(blocks.each &* convolution.inGroup &* elementBytes, to: 64)
    }
    let full = matrix.pointee.workspaceBytes(product(rows: blocks.each))
    let last = matrix.pointee.workspaceBytes(product(rows: blocks.last))
    productBytes = full > last ? full : last
  }

  /// All places of the input are in the one phase.
  private static func isDense(_ convolution: Convolution) -> Bool {
    convolution.window.rows.stride == 1 && convolution.window.columns.stride == 1
  }

  private var shareBytes: Int { patchBytes &+ resultBytes &+ productBytes }

  var bytes: Int {
    weightBytes &+ packedBytes &* convolution.groups &+ blocks.shares.number &* shareBytes
  }

  private func product(rows: Int) -> so_product {
    convolutionProduct(
      rows: rows, columns: convolution.inGroup, depth: patches.depth,
      a: convolutionOperand(any, dtype, stride: patches.depth),
      b: convolutionOperand(any, dtype, stride: convolution.inGroup, isPacked: true), c: any,
      dtype, stride: Self.isDense(convolution) ? convolution.inChannels : convolution.inGroup)
  }

  func run<Element: LayerElement>(
    dy: UnsafePointer<Element>, weight: UnsafePointer<Element>,
    dx: UnsafeMutablePointer<Element>, workspace: UnsafeMutableRawPointer
  ) {
    let inGroup = convolution.inGroup
    pack(weight, workspace)
    let shareMemory = workspace + (weightBytes &+ packedBytes &* convolution.groups)
    let isDense = Self.isDense(convolution)
    blocks.shares.parallel { share, steps, _ in
      let memory = shareMemory + share &* shareBytes
      let gathered = memory.assumingMemoryBound(to: Element.self)
      let result = (memory + patchBytes).assumingMemoryBound(to: Element.self)
      for block in steps {
        let pixels = blocks.range(block)
        for group in 0..<convolution.groups {
          patches.gather(pixels, dy + group &* convolution.outGroup, gathered)
          var product = product(rows: pixels.count)
          product.a.data = UnsafeRawPointer(gathered)
          product.b.data = UnsafeRawPointer(workspace + (weightBytes &+ group &* packedBytes))
          product.c = UnsafeMutableRawPointer(
            isDense
              ? dx + (pixels.lowerBound &* convolution.inChannels &+ group &* inGroup) : result)
          product.workspace = memory + patchBytes + resultBytes
          matrix.pointee.run(product)
          if !isDense { scatter(pixels, result, dx + group &* inGroup) }
        }
      }
    }
  }

  /// The weight of each tap in turn, (out, in) of one group, packed.
  private func pack<Element: LayerElement>(
    _ weight: UnsafePointer<Element>, _ workspace: UnsafeMutableRawPointer
  ) {
    let (inGroup, outGroup) = (convolution.inGroup, convolution.outGroup)
    for group in 0..<convolution.groups {
      var target = workspace.assumingMemoryBound(to: Element.self)
      for tapRow in 0..<patches.rows.taps {
        for tapColumn in 0..<patches.columns.taps {
          let tap =
            (patches.rows.firstTap &+ tapRow &* patches.rows.tapStep)
            &* convolution.window.columns.kernel
            &+ patches.columns.firstTap &+ tapColumn &* patches.columns.tapStep
          for out in 0..<outGroup {
            let channel = group &* outGroup &+ out
            copy(weight + (channel &* convolution.window.places &+ tap) &* inGroup, target, inGroup)
            target += inGroup
          }
        }
      }
      var packing = product(rows: blocks.each)
      packing.b.data = UnsafeRawPointer(workspace)
      packing.b.is_packed = 0
      matrix.pointee.pack(packing, workspace + (weightBytes &+ group &* packedBytes))
    }
  }

  /// Puts rows to their places in the input.
  private func scatter<Element: LayerElement>(
    _ pixels: Range<Int>, _ rows: UnsafePointer<Element>, _ dx: UnsafeMutablePointer<Element>
  ) {
    let window = convolution.window
    for pixel in pixels {
      let x = pixel % patches.columns.target &* window.columns.stride &+ column
      let line = pixel / patches.columns.target
      let y = line % patches.rows.target &* window.rows.stride &+ row
      let image = line / patches.rows.target
      let place = (image &* window.rows.input &+ y) &* window.columns.input &+ x
      let target = dx + place &* convolution.inChannels
      copy(
        rows + (pixel &- pixels.lowerBound) &* convolution.inGroup, target, convolution.inGroup)
    }
  }
}
