import CSwiftOpt
import SwiftOptShims

/// y = (x - mean) / √(variance + eps) · weight + bias for each channel, then + residual, then
/// max(y, 0), in one pass over memory after that for the statistics (Ioffe & Szegedy 2015,
/// "Batch normalization", algorithm 1).
///
/// Statistics are those of the batch in training, or if there are no running ones; those of a
/// convolution's epilogue, sums of x and x² in float64, save the pass for them, but lose
/// digits where the mean is large beside the deviation: the variance has an absolute error of
/// some 2^-53 (mean² + variance), or for bfloat16, of which a few are first summed up in
/// float32, 2^-24 (mean² + variance), far below what rounding to bfloat16 did to x. Training also
/// moves the running ones: by `momentum` towards mean and unbiased variance of the batch.
enum BatchNorm: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("batch_norm")
    description.input("x")
    description.input("weight", .number, optional: true)
    description.input("bias", .number, optional: true)
    description.input("residual", optional: true)
    description.input("sums", .sum, optional: true)
    description.input("square_sums", .sum, optional: true)
    description.updated("running_mean", .number, optional: true)
    description.updated("running_var", .number, optional: true)
    description.output("y", mayBe: 0)
    description.output("mean", .number, optional: true)
    description.output("inverse_std", .number, optional: true)
    description.size("rows")
    description.size("channels")
    description.setting("eps", 1e-5, minimum: 0)
    description.setting("momentum", 0.1, minimum: 0, maximum: 1)
    description.flag("training", true)
    description.flag("relu")
  }

  static func plan(_ plan: LayerPlan) {
    let (rows, channels) = (plan.size(0), plan.size(1))
    plan.positive(0)
    plan.positive(1)
    if rows == 1 && plan.setting(2) != 0 && plan.has(7) {
      plan.fault(size: 0, "at least 2 in training: one row has no variance")
    }
    plan.count(0, rows, channels)
    plan.count(3, rows, channels)
    plan.count(8, rows, channels)
    plan.count(1, channels)
    plan.count(2, channels)
    plan.count(4, channels)
    plan.count(5, channels)
    plan.count(6, channels)
    plan.count(7, channels)
    plan.count(9, channels)
    plan.count(10, channels)
    plan.columnSums(rows, channels, lines: 3)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let layout = FoldedRows(
      rows: call.size(0), channels: call.size(1), hasPairs: Element.hasPairs)
    let sums = ColumnSums<Number>(layout: layout, memory: call.workspace)
    findStatistics(call, sums)
    let (mean, variance) = (sums.first(0), sums.second(0))
    let (weight, bias) = (call.optional(1, Number.self), call.optional(2, Number.self))
    let (meanOut, inverseOut) = (call.optional(9, Number.self), call.optional(10, Number.self))
    let eps = call.setting(0)
    let (means, scales, biases) = (sums.line(0), sums.line(1), sums.line(2))
    // What the backward pass is given, so that it finds the same numbers.
    layout.spread(means) { channel in
      let number = Number(mean[channel])
      if let meanOut { meanOut[channel] = number }
      return number
    }
    layout.spread(scales, of: weight, else: 1) { channel, weight in
      let inverse = Number(1 / (variance[channel] + eps).squareRoot())
      if let inverseOut { inverseOut[channel] = inverse }
      return inverse * weight
    }
    layout.spread(biases, of: bias, else: 0) { _, bias in bias }
    let kernel = NormaliseKernel<Element>(
      x: call.values(0), residual: call.optional(3, Element.self), y: call.values(8),
      means: means, scales: scales, biases: biases,
      floor: SIMD16(repeating: call.flag(3) ? 0 : -.infinity))
    // From the end: what was read last is still in the cache.
    parallelFor(layout.blocks, grain: 1) { begin, end, _ in
      for number in begin..<end {
        let (first, last) = layout.rows(of: layout.blocks &- 1 &- number)
        layout.visit(kernel, first, last)
      }
    }
    return ranWell
  }

  /// Leaves mean and biased variance in the two sums of the first block, and moves the running
  /// ones.
  @inline(__always)
  private static func findStatistics<Element: LayerElement>(
    _ call: LayerCall<Element>, _ sums: ColumnSums<Element.Number>
  ) {
    typealias Number = Element.Number
    let (rows, channels, isTraining) = (Double(call.size(0)), call.size(1), call.flag(2))
    let (mean, variance) = (sums.first(0), sums.second(0))
    let runningMean = call.optional(6, Number.self)
    let runningVariance = call.optional(7, Number.self)
    if let runningMean, let runningVariance, !isTraining {
      for channel in 0..<channels {
        mean[channel] = Double(runningMean[channel])
        variance[channel] = Double(runningVariance[channel])
      }
      return
    }
    if let given = call.optional(4, Double.self), let squares = call.optional(5, Double.self) {
      for channel in 0..<channels {
        mean[channel] = given[channel] / rows
        let difference = squares[channel] / rows - mean[channel] * mean[channel]
        variance[channel] = difference < 0 ? 0 : difference
      }
    } else {
      sums.moments(of: call.values(0))
      for channel in 0..<channels { variance[channel] /= rows }
    }
    guard isTraining else { return }
    let momentum = call.setting(1)
    if let runningMean {
      for channel in 0..<channels {
        let old = Double(runningMean[channel])
        runningMean[channel] = Number(old + momentum * (mean[channel] - old))
      }
    }
    if let runningVariance {
      let unbiased = rows / (rows - 1)
      for channel in 0..<channels {
        let old = Double(runningVariance[channel])
        runningVariance[channel] = Number(old + momentum * (variance[channel] * unbiased - old))
      }
    }
  }
}

/// y = max(floor, (x - mean) · scale + bias + residual)
private struct NormaliseKernel<Element: LayerElement>: RowKernel {
  typealias Number = Element.Number

  let x: UnsafePointer<Element>
  let residual: UnsafeMutablePointer<Element>?
  let y: UnsafeMutablePointer<Element>
  let means: UnsafePointer<Number>
  let scales: UnsafePointer<Number>
  let biases: UnsafePointer<Number>
  let floor: SIMD16<Number>

  @inline(__always)
  func vector(_ offset: Int, _ lane: Int, _ count: Int) {
    let line = NormLine(means, scales, biases, lane)
    var result = line.normalised(load(x + offset, count))
    if let residual { result += load(residual + offset, count) }
    store(Number.maximum16(floor, result), y + offset, count)
  }

  @inline(__always)
  func pairs(_ offset: Int, _ lane: Int) {
    let x = Element.loadPairs32(x + offset)
    var first = NormLine(means, scales, biases, lane).normalised(x.0)
    var second = NormLine(means, scales, biases, lane &+ 16).normalised(x.1)
    if let residual {
      let residuals = Element.loadPairs32(residual + offset)
      first += residuals.0
      second += residuals.1
    }
    Element.storePairs32(
      Number.maximum16(floor, first), Number.maximum16(floor, second), y + offset)
  }
}

/// What turns sixteen neighbours into normalised ones.
struct NormLine<Number: LayerNumber> {
  let mean: SIMD16<Number>
  let scale: SIMD16<Number>
  let bias: SIMD16<Number>

  @inline(__always)
  init(
    _ means: UnsafePointer<Number>, _ scales: UnsafePointer<Number>,
    _ biases: UnsafePointer<Number>, _ lane: Int
  ) {
    mean = Number.load16(means + lane)
    scale = Number.load16(scales + lane)
    bias = Number.load16(biases + lane)
  }

  @inline(__always)
  func normalised(_ x: SIMD16<Number>) -> SIMD16<Number> { (x - mean) * scale + bias }
}
