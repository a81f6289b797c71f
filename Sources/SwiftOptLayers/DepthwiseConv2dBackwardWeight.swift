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
    let layout = Layout(pass, plan.numberBytes)
    plan.workspace(Layout.shares(pass).number &* layout.shareBytes &+ layout.slots.bytes)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let window = Window(kernel: 4, dilation: 10) { call.size($0) }
    let pass = DepthwisePass(forward: window, channels: call.size(3))
    let layout = Layout(pass, MemoryLayout<Number>.stride)
    let shares = Layout.shares(pass)
    let (gradient, source) = (call.values(0), call.values(1))
    let dbias = call.optional(3, Number.self)
    let rowCount = pass.columns.target &* pass.channels
    let workspace = call.workspace
    let memory = workspace + shares.number &* layout.shareBytes
    let slots = layout.slots
    slots.clear(memory)
    shares.parallel { share, steps, scratch in
      let slot = slots.take(memory)
      let tapRows = slots.memory(memory, slot)
      let ring = (tapRows + layout.tapRowBytes).assumingMemoryBound(to: Number.self)
      let row = ring + layout.ringCount
      let totals = (workspace + share &* layout.shareBytes).assumingMemoryBound(to: Double.self)
      let sums = (totals + layout.sums).withMemoryRebound(to: Number.self, capacity: 1) { $0 }
      for index in 0..<layout.sums {
        totals[index] = 0
        sums[index] = 0
      }
      let kernel = DepthwiseWeightKernel<Element>(
        pass: pass, sums: sums, hasBias: dbias != nil, gradient: row, scratch: scratch)
      pass.forEachRow(
        steps, of: source, ring, tapRows, aheadSteps: (pass.blockLanes &+ 15) / 16
      ) { rows, ahead, place in
        let row = place.image &* pass.rows.target &+ place.row
        kernel.run(rows, ahead, place, gradient + (row &* rowCount &+ place.channel))
        if place.row &+ 1 == pass.rows.target { flush(sums, layout.sums, into: totals) }
      }
      flush(sums, layout.sums, into: totals)
      slots.giveBack(memory, slot)
    }
    let partials = workspace.assumingMemoryBound(to: Double.self)
    let dweight = call.numbers(2)
    for tap in 0...pass.taps {
      guard let target = tap < pass.taps ? dweight + tap &* pass.channels : dbias else { break }
      for channel in 0..<pass.channels {
        var sum = 0.0
        let lane = pass.lane(Element.self, of: channel)
        for share in 0..<shares.number {
          sum += partials[share &* layout.shareBytes / 8 &+ tap &* pass.lanes &+ lane]
        }
        target[channel] = Number(sum)
      }
    }
    return ranWell
  }
}

/// A share's memory: the totals for each tap and for the bias, and the sums of an image. After
/// those of all shares, for each thread where the kernel's rows are, its padded rows and its row
/// of the gradient.
private struct Layout {
  /// For all taps and the bias, in whole vectors of channels.
  let sums: Int
  let shareBytes: Int
  let tapRowBytes: Int
  let ringCount: Int
  let rowCount: Int
  let slots: Slots

  init(_ pass: DepthwisePass, _ numberBytes: Int) {
    sums = (pass.taps &+ 1) &* pass.lanes
    shareBytes = roundedUp(sums &* (8 &+ numberBytes), to: 64)
    tapRowBytes = TapRows<Float>.bytes(pass.rows.kernel)
    ringCount = roundedUp(pass.ringCount, to: 16)
    rowCount = pass.columns.target &* pass.blockLanes
    slots = Slots(
      of: tapRowBytes &+ (ringCount &+ rowCount) &* numberBytes,
      most: Layout.shares(pass).number)
  }

  /// Fewer if the sums are large, so that they are no great part of the work.
  static func shares(_ pass: DepthwisePass) -> Shares {
    let fitting = (1 << 24) / ((pass.taps &+ 1) &* pass.lanes &* 16)
    return pass.shares(most: fitting < 4 ? 4 : fitting < 64 ? fitting : 64)
  }
}
