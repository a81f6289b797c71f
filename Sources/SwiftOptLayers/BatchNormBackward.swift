import CSwiftOpt
import SwiftOptShims

/// The gradients of `batch_norm`: with g = dy where the result of the ReLU isn't 0 (dy without
/// one), and x̂ = (x - mean) · inverse_std,
///
///     dbias = Σ g,  dweight = Σ g x̂,  dresidual = g
///     dx = weight · inverse_std · (g - dbias / rows - x̂ dweight / rows)
///
/// (Ioffe & Szegedy 2015, section 3, put together); without the last two terms if not in
/// training, when the statistics were constants. Where ReLU's result was 0 is found from y; if
/// y isn't given, from x, weight and bias, which saves reading it but knows of no residual.
///
/// If only means of every `pooled_rows` rows were used, as by global pooling, dy may be their
/// gradient: as many rows fewer to read, and none to write before.
enum BatchNormBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("batch_norm_backward")
    description.input("dy")
    description.input("x")
    description.input("y", optional: true)
    description.input("weight", .number, optional: true)
    description.input("bias", .number, optional: true)
    description.input("mean", .number)
    description.input("inverse_std", .number)
    description.output("dx", mayBe: 0)
    description.output("dweight", .number, optional: true)
    description.output("dbias", .number, optional: true)
    description.output("dresidual", optional: true, mayBe: 0)
    description.size("rows")
    description.size("channels")
    description.flag("training", true)
    description.flag("relu")
    description.setting("pooled_rows", 1, minimum: 1, maximum: 0x1p40)
  }

  static func plan(_ plan: LayerPlan) {
    let (rows, channels) = (plan.size(0), plan.size(1))
    plan.positive(0)
    plan.positive(1)
    let pooled = Int(plan.setting(2))
    if rows % pooled != 0 { plan.fault(size: 0, "a multiple of pooled_rows") }
    plan.count(0, rows / pooled, channels)
    plan.count(1, rows, channels)
    plan.count(2, rows, channels)
    plan.count(3, channels)
    plan.count(4, channels)
    plan.count(5, channels)
    plan.count(6, channels)
    plan.count(7, rows, channels)
    plan.count(8, channels)
    plan.count(9, channels)
    plan.count(10, rows, channels)
    plan.columnSums(rows, channels, lines: 5, isFolded: pooled == 1)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let pooled = Int(call.setting(2))
    let layout = FoldedRows(
      rows: call.size(0), channels: call.size(1), isFolded: pooled == 1,
      hasPairs: Element.hasPairs)
    let sums = ColumnSums<Number>(layout: layout, memory: call.workspace)
    let (weight, bias) = (call.optional(3, Number.self), call.optional(4, Number.self))
    let (mean, inverse) = (call.numbers(5), call.numbers(6))
    layout.spread(sums.line(0)) { channel in mean[channel] }
    layout.spread(sums.line(1), of: weight, else: 1) { channel, weight in
      inverse[channel] * weight
    }
    layout.spread(sums.line(2), of: bias, else: 0) { _, bias in bias }
    let matrices = GradientMatrices(
      dy: call.values(0), x: call.values(1), y: call.optional(2, Element.self),
      dresidual: call.optional(10, Element.self), hasReLU: call.flag(1), pooled: pooled,
      share: 1 / Number(Double(pooled)), means: sums.line(0), scales: sums.line(1),
      biases: sums.line(2))
    parallelFor(layout.blocks, grain: 1) { begin, end, _ in
      for block in begin..<end {
        let kernel = GradientSumKernel(
          matrices: matrices, lanes: layout.lanes, partial: sums.partial(block))
        sums.sum(block) { visit(kernel, layout, $0, $1) }
      }
    }
    sums.total()
    finish(call, sums)
    let kernel = GradientKernel(
      matrices: matrices, dx: call.values(7), offsets: sums.line(3),
      slopes: sums.line(4))
    // From the end: what was read last is still in the cache.
    parallelFor(layout.blocks, grain: 1) { begin, end, _ in
      for number in begin..<end {
        let (first, last) = layout.rows(of: layout.blocks &- 1 &- number)
        visit(kernel, layout, first, last)
      }
    }
    return ranWell
  }

  /// As the layout's visit, but of the rows that share one of a pooled dy at a time.
  @inline(__always)
  private static func visit<Kernel: GradientRowKernel>(
    _ kernel: Kernel, _ layout: FoldedRows, _ begin: Int, _ end: Int
  ) {
    let (pooled, dy) = (kernel.matrices.pooled, kernel.matrices.dy)
    var kernel = kernel
    var row = begin
    while row < end {
      var last = end
      if pooled > 1 {
        let pool = row / pooled
        kernel.matrices.dy = dy + pool &* layout.channels
        last = min(end, (pool &+ 1) &* pooled)
      }
      layout.visit(kernel, row, last)
      row = last
    }
  }

  /// Writes the gradients of the parameters, and what dx is made with.
  @inline(__always)
  private static func finish<Element: LayerElement>(
    _ call: LayerCall<Element>, _ sums: ColumnSums<Element.Number>
  ) {
    typealias Number = Element.Number
    let (layout, inverse) = (sums.layout, call.numbers(6))
    let (gradients, products) = (sums.first(0), sums.second(0))
    if let dweight = call.optional(8, Number.self) {
      for channel in 0..<layout.channels {
        dweight[channel] = Number(products[channel] * Double(inverse[channel]))
      }
    }
    if let dbias = call.optional(9, Number.self) {
      for channel in 0..<layout.channels { dbias[channel] = Number(gradients[channel]) }
    }
    let share = call.flag(0) ? 1 / Double(call.size(0)) : 0
    layout.spread(sums.line(3)) { channel in Number(gradients[channel] * share) }
    layout.spread(sums.line(4)) { channel in
      let inverse = Double(inverse[channel])
      return Number(products[channel] * share * (inverse * inverse))
    }
  }
}

/// What both passes read.
private struct GradientMatrices<Element: LayerElement> {
  typealias Number = Element.Number

  /// The whole of it, or the row for the pooled ones that are visited.
  var dy: UnsafePointer<Element>
  let x: UnsafePointer<Element>
  let y: UnsafeMutablePointer<Element>?
  let dresidual: UnsafeMutablePointer<Element>?
  let hasReLU: Bool
  /// Rows that share one of dy, and its share of that.
  let pooled: Int
  let share: Number
  let means: UnsafePointer<Number>
  let scales: UnsafePointer<Number>
  let biases: UnsafePointer<Number>

  @inline(__always)
  func line(_ lane: Int) -> NormLine<Number> { NormLine(means, scales, biases, lane) }

  /// The gradient with respect to what went into the ReLU, and x.
  @inline(__always)
  func masked(
    _ line: NormLine<Number>, _ offset: Int, _ lane: Int, _ count: Int
  ) -> (g: SIMD16<Number>, x: SIMD16<Number>) {
    let x = load(x + offset, count, fill: line.mean)
    let dy = load(dy + (pooled > 1 ? lane : offset), count) * share
    if !hasReLU { return (dy, x) }
    let result = y.map { load($0 + offset, count) } ?? line.normalised(x)
    return (Number.reluGradient16(dy, result), x)
  }

  /// The same for two vectors of pairs.
  @inline(__always)
  func maskedPairs(
    _ line: NormLine<Number>, _ next: NormLine<Number>, _ offset: Int, _ lane: Int
  ) -> (g: (SIMD16<Number>, SIMD16<Number>), x: (SIMD16<Number>, SIMD16<Number>)) {
    let x = Element.loadPairs32(x + offset)
    var dy = Element.loadPairs32(dy + (pooled > 1 ? lane : offset))
    dy = (dy.0 * share, dy.1 * share)
    if !hasReLU { return (dy, x) }
    let result =
      y.map { Element.loadPairs32($0 + offset) }
      ?? (line.normalised(x.0), next.normalised(x.1))
    return (
      (Number.reluGradient16(dy.0, result.0), Number.reluGradient16(dy.1, result.1)), x
    )
  }
}

private protocol GradientRowKernel: RowKernel {
  var matrices: GradientMatrices<Element> { get set }
}

/// Sums of g and of g (x - mean); writes dresidual on the way.
private struct GradientSumKernel<Element: LayerElement>: GradientRowKernel {
  typealias Number = Element.Number

  var matrices: GradientMatrices<Element>
  let lanes: Int
  let partial: UnsafeMutablePointer<Number>

  @inline(__always)
  func vector(_ offset: Int, _ lane: Int, _ count: Int) {
    let line = matrices.line(lane)
    let (g, x) = matrices.masked(line, offset, lane, count)
    if let dresidual = matrices.dresidual { store(g, dresidual + offset, count) }
    add(g, x - line.mean, lane)
  }

  @inline(__always)
  func pairs(_ offset: Int, _ lane: Int) {
    let (line, next) = (matrices.line(lane), matrices.line(lane &+ 16))
    let (g, x) = matrices.maskedPairs(line, next, offset, lane)
    if let dresidual = matrices.dresidual {
      Element.storePairs32(g.0, g.1, dresidual + offset)
    }
    add(g.0, x.0 - line.mean, lane)
    add(g.1, x.1 - next.mean, lane &+ 16)
  }

  @inline(__always)
  private func add(_ g: SIMD16<Number>, _ difference: SIMD16<Number>, _ lane: Int) {
    let (sums, products) = (partial + lane, partial + lanes + lane)
    Number.store16(Number.load16(sums) + g, sums)
    Number.store16(Number.load16(products) + g * difference, products)
  }
}

/// dx = scale · (g - (offset + (x - mean) · slope))
private struct GradientKernel<Element: LayerElement>: GradientRowKernel {
  typealias Number = Element.Number

  var matrices: GradientMatrices<Element>
  let dx: UnsafeMutablePointer<Element>
  let offsets: UnsafePointer<Number>
  let slopes: UnsafePointer<Number>

  @inline(__always)
  func vector(_ offset: Int, _ lane: Int, _ count: Int) {
    let line = matrices.line(lane)
    let g: SIMD16<Number>
    let x: SIMD16<Number>
    // Of a pooled dy, what was stored is rounded.
    if let dresidual = matrices.dresidual, matrices.pooled == 1 {
      (g, x) = (load(dresidual + offset, count), load(matrices.x + offset, count))
    } else {
      (g, x) = matrices.masked(line, offset, lane, count)
    }
    store(gradient(g, x, line, lane), dx + offset, count)
  }

  @inline(__always)
  func pairs(_ offset: Int, _ lane: Int) {
    let (line, next) = (matrices.line(lane), matrices.line(lane &+ 16))
    let g: (SIMD16<Number>, SIMD16<Number>)
    let x: (SIMD16<Number>, SIMD16<Number>)
    if let dresidual = matrices.dresidual, matrices.pooled == 1 {
      (g, x) = (
        Element.loadPairs32(dresidual + offset), Element.loadPairs32(matrices.x + offset)
      )
    } else {
      (g, x) = matrices.maskedPairs(line, next, offset, lane)
    }
    Element.storePairs32(
      gradient(g.0, x.0, line, lane), gradient(g.1, x.1, next, lane &+ 16), dx + offset)
  }

  @inline(__always)
  private func gradient(
    _ g: SIMD16<Number>, _ x: SIMD16<Number>, _ line: NormLine<Number>, _ lane: Int
  ) -> SIMD16<Number> {
    let mean = Number.load16(offsets + lane) + (x - line.mean) * Number.load16(slopes + lane)
    return (g - mean) * line.scale
  }
}
