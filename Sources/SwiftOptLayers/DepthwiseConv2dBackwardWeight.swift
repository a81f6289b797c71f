import SwiftOptShims

/// The gradient of a depthwise convolution's weight, dw[k, l, c] = Σ x[n, i · stride + k -
/// padding, j · stride + l - padding, c] dy[n, i, j, c], and of its bias if asked for.
///
/// The sums over an image are in the numbers of the arithmetic; over images, in float64.
enum DepthwiseConv2dBackwardWeight: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("depthwise_conv2d_backward_weight", usesProducts: true)
    description.input("dy")
    description.input("x")
    description.output("dweight", .number)
    description.output("dbias", .number, optional: true)
    Window.describe(description, hasGroups: false)
  }

  static func plan(_ plan: LayerPlan) {
    guard let window = Window.checked(plan, kernel: 4, dilation: 10) else { return }
    let channels = plan.size(3)
    plan.count(0, window.batch, window.rows.output, window.columns.output, channels)
    plan.count(1, window.batch, window.rows.input, window.columns.input, channels)
    plan.count(2, window.rows.kernel, window.columns.kernel, channels)
    plan.count(3, channels)
    let pass = DepthwisePass(forward: window, channels: channels)
    guard pass.isWithinBounds(plan) else { return }
    plan.workspace(Layout(pass, plan.numberBytes).shareBytes, Layout.shares(pass).number)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let window = Window(kernel: 4, dilation: 10) { call.size($0) }
    let pass = DepthwisePass(forward: window, channels: call.size(3))
    let layout = Layout(pass, MemoryLayout<Number>.stride)
    let shares = Layout.shares(pass)
    let (gradient, source) = (call.values(0), call.values(1))
    let workspace = call.workspace
    let dbias = call.optional(3, Number.self)
    let rowCount = pass.columns.target &* pass.channels
    shares.parallel { share, steps, scratch in
      let memory = workspace + share &* layout.shareBytes
      let totals = memory.assumingMemoryBound(to: Double.self)
      let sums = (memory + layout.totalsBytes).assumingMemoryBound(to: Number.self)
      let rows =
        layout.isInScratch ? scratch + TapSums<Number>.bytes : memory + layout.headBytes
      for index in 0..<layout.sums {
        totals[index] = 0
        sums[index] = 0
      }
      let kernel = DepthwiseWeightKernel<Element>(
        pass: pass, sums: sums, hasBias: dbias != nil, taps: scratch)
      pass.forEachRow(steps, of: source, rows.assumingMemoryBound(to: Number.self)) {
        padded, image, row, channel, taken in
        kernel.run(
          padded, gradient + ((image &* pass.rows.target &+ row) &* rowCount &+ channel),
          channel: channel, taken: taken)
        if row &+ 1 == pass.rows.target { flush(sums, layout.sums, into: totals) }
      }
      flush(sums, layout.sums, into: totals)
    }
    let partials = workspace.assumingMemoryBound(to: Double.self)
    let dweight = call.numbers(2)
    for tap in 0...pass.taps {
      guard let target = tap < pass.taps ? dweight + tap &* pass.channels : dbias else { break }
      for channel in 0..<pass.channels {
        var sum = 0.0
        for share in 0..<shares.number {
          sum += partials[share &* layout.shareBytes / 8 &+ tap &* pass.lanes &+ channel]
        }
        target[channel] = Number(sum)
      }
    }
    return ranWell
  }
}

/// A share's memory: the totals for each tap and for the bias, and the sums of an image; then the padded rows, unless they
/// fit into a task's scratch memory.
private struct Layout {
  /// For all taps and the bias, in whole vectors of channels.
  let sums: Int
  let totalsBytes: Int
  let headBytes: Int
  let ringBytes: Int
  let isInScratch: Bool
  let shareBytes: Int

  init(_ pass: DepthwisePass, _ numberBytes: Int) {
    sums = (pass.taps &+ 1) &* pass.lanes
    totalsBytes = sums &* 8
    headBytes = totalsBytes &+ sums &* numberBytes
    ringBytes = roundedUp(pass.ringCount &* numberBytes, to: 64)
    isInScratch = ringBytes <= Int(SO_SCRATCH_BYTES) &- TapSums<Float>.bytes
    shareBytes = headBytes &+ (isInScratch ? 0 : ringBytes)
  }

  /// Fewer if the sums are large, so that they are no great part of the work.
  static func shares(_ pass: DepthwisePass) -> Shares {
    let fitting = (1 << 24) / ((pass.taps &+ 1) &* pass.lanes &* 16)
    return Shares(pass.shares.count, most: fitting < 4 ? 4 : fitting < 64 ? fitting : 64)
  }
}

private struct DepthwiseWeightKernel<Element: LayerElement> {
  typealias Number = Element.Number

  let pass: DepthwisePass
  let sums: UnsafeMutablePointer<Number>
  let hasBias: Bool
  let taps: UnsafeMutableRawPointer

  /// Out of line: the build allows only functions with this name to fuse.
  @inline(never)
  func run(
    _ padded: PaddedRows<Element>, _ gradient: UnsafePointer<Element>, channel: Int, taken: Int
  ) {
    var lane = 0
    while lane < taken {
      let first = sums + (channel &+ lane)
      let count = taken &- lane
      let values = gradient + lane
      if count >= 16 {
        addTaps(padded, lane / 16, first) { Element.load16(values + $0 &* pass.channels) }
      } else {
        addTaps(padded, lane / 16, first) {
          load(values + $0 &* pass.channels, first: count)
        }
      }
      if hasBias { addBias(values, count, first + pass.taps &* pass.lanes) }
      lane &+= 16
    }
  }

  @inline(__always)
  private func addTaps(
    _ padded: PaddedRows<Element>, _ plane: Int, _ sums: UnsafeMutablePointer<Number>,
    _ gradient: (Int) -> SIMD16<Number>
  ) {
    var nine = TapSums<Number>(taps)
    let step = 16 &* pass.columns.step
    for tapRow in 0..<pass.rows.kernel {
      guard let values = padded.row(tapRow &* pass.rows.dilation, plane: plane) else { continue }
      for tapColumn in 0..<pass.columns.kernel {
        let tap = tapRow &* pass.columns.kernel &+ tapColumn
        let begin = values + 16 &* tapColumn &* pass.columns.dilation
        if nine.append(begin, sums + tap &* pass.lanes) {
          nine.add(
            places: pass.columns.target, step: step, gradient: gradient, value: Number.load16)
        }
      }
    }
    nine.add(places: pass.columns.target, step: step, gradient: gradient, value: Number.load16)
  }

  private func addBias(
    _ gradient: UnsafePointer<Element>, _ count: Int, _ sums: UnsafeMutablePointer<Number>
  ) {
    var sum = SIMD16<Number>()
    for column in 0..<pass.columns.target {
      sum = Number.add16(sum, load(gradient + column &* pass.channels, first: count))
    }
    Number.store16(Number.add16(Number.load16(sums), sum), sums)
  }
}
