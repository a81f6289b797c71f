import SwiftOptShims

/// y[n, i, j, c] = Σ x[n, i · stride + k - padding, j · stride + l - padding, c] w[k, l, c]
/// + bias[c], sums over the kernel's places k, l, each times the dilation; then ReLU if asked.
enum DepthwiseConv2d: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("depthwise_conv2d", usesProducts: true)
    description.input("x")
    description.input("weight")
    description.input("bias", .number, optional: true)
    description.output("y")
    description.output("column_sums", .sum, optional: true)
    description.output("column_square_sums", .sum, optional: true)
    Window.describe(description, hasGroups: false)
    description.flag("relu")
  }

  static func plan(_ plan: LayerPlan) {
    guard let window = Window.checked(plan, kernel: 4, dilation: 10) else { return }
    let channels = plan.size(3)
    plan.count(0, window.batch, window.rows.input, window.columns.input, channels)
    plan.count(1, window.rows.kernel, window.columns.kernel, channels)
    plan.count(2, channels)
    plan.count(3, window.batch, window.rows.output, window.columns.output, channels)
    plan.count(4, channels)
    plan.count(5, channels)
    planDepthwise(plan, DepthwisePass(forward: window, channels: channels))
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let window = Window(kernel: 4, dilation: 10) { call.size($0) }
    runDepthwise(
      call, DepthwisePass(forward: window, channels: call.size(3)), isTurned: false,
      source: call.values(0), weight: call.values(1), bias: call.optional(2, Element.Number.self),
      isRectified: call.flag(0), output: call.values(3), sums: call.optional(4, Double.self),
      squares: call.optional(5, Double.self))
    return ranWell
  }
}

/// The gradient of a depthwise convolution's input: dx[n, p, q, c] = Σ dy[n, i, j, c] w[k, l, c]
/// over all i, j, k, l that bring p, q to y[n, i, j, c].
enum DepthwiseConv2dBackwardInput: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("depthwise_conv2d_backward_input", usesProducts: true)
    description.input("dy")
    description.input("weight")
    description.output("dx")
    Window.describe(description, hasGroups: false)
  }

  static func plan(_ plan: LayerPlan) {
    guard let window = Window.checked(plan, kernel: 4, dilation: 10) else { return }
    let channels = plan.size(3)
    plan.count(0, window.batch, window.rows.output, window.columns.output, channels)
    plan.count(1, window.rows.kernel, window.columns.kernel, channels)
    plan.count(2, window.batch, window.rows.input, window.columns.input, channels)
    planDepthwise(plan, DepthwisePass(backward: window, channels: channels))
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let window = Window(kernel: 4, dilation: 10) { call.size($0) }
    runDepthwise(
      call, DepthwisePass(backward: window, channels: call.size(3)), isTurned: true,
      source: call.values(0), weight: call.values(1), bias: nil, isRectified: false,
      output: call.values(2), sums: nil, squares: nil)
    return ranWell
  }
}

/// The workspace of a pass: weight and bias as numbers and thirty-two zeros, the channels' sums
/// of each share, and for each thread its padded rows, where the kernel's rows are in them, and
/// thirty-two numbers for each of a row's places.
private struct Layout {
  let weightBytes: Int
  let sumsBytes: Int
  let ringBytes: Int
  let tapRowBytes: Int
  let slots: Slots

  init(_ pass: DepthwisePass, numberBytes: Int) {
    weightBytes = ((pass.taps &+ 1) &* pass.lanes &+ 32) &* numberBytes
    sumsBytes = ChannelSums.bytes(shares: pass.shares.number, lanes: pass.lanes)
    ringBytes = roundedUp(pass.ringCount &* numberBytes, to: 64)
    tapRowBytes = TapRows<Float>.bytes(pass.rows.kernel)
    slots = Slots(
      of: ringBytes &+ tapRowBytes &+ 32 &* pass.columns.target &* numberBytes,
      most: pass.shares.number)
  }
}

private func planDepthwise(_ plan: LayerPlan, _ pass: DepthwisePass) {
  guard pass.isWithinBounds(plan) else { return }
  let layout = Layout(pass, numberBytes: plan.numberBytes)
  plan.workspace(layout.weightBytes &+ layout.sumsBytes &+ layout.slots.bytes)
}

@inline(__always)
private func runDepthwise<Element: LayerElement>(
  _ call: LayerCall<Element>, _ pass: DepthwisePass, isTurned: Bool,
  source: UnsafePointer<Element>, weight: UnsafePointer<Element>,
  bias: UnsafePointer<Element.Number>?, isRectified: Bool,
  output: UnsafeMutablePointer<Element>, sums: UnsafeMutablePointer<Double>?,
  squares: UnsafeMutablePointer<Double>?
) {
  typealias Number = Element.Number
  let layout = Layout(pass, numberBytes: MemoryLayout<Number>.stride)
  let numbers = call.workspace.assumingMemoryBound(to: Number.self)
  depthwiseWeight(weight, bias: bias, pass, isTurned: isTurned, into: numbers)
  let zeros = numbers + (pass.taps &+ 1) &* pass.lanes
  zeros.update(repeating: 0, count: 32)
  let channelSums = ChannelSums(
    sums: sums, squares: squares,
    partials: (call.workspace + layout.weightBytes).assumingMemoryBound(to: Double.self),
    lanes: pass.lanes)
  let kernel = DepthwiseKernel<Element>(
    pass: pass, weight: numbers,
    zeros: UnsafeRawPointer(zeros).assumingMemoryBound(to: Element.self),
    output: output,
    places: PlaceOutput(
      channels: pass.channels, isRectified: isRectified, sums: channelSums))
  let memory = call.workspace + layout.weightBytes + layout.sumsBytes
  let (slots, shares) = (layout.slots, pass.shares)
  slots.clear(memory)
  shares.parallel { share, steps, _ in
    let slot = slots.take(memory)
    let ring = slots.memory(memory, slot)
    let tapRows = ring + layout.ringBytes
    let rowSums = (tapRows + layout.tapRowBytes).assumingMemoryBound(to: Number.self)
    channelSums.begin(share: share)
    if kernel.readsPairs {
      pass.forEachImageRow(steps, of: source, tapRows) {
        kernel.runPairs($0, $1, $2, share: share)
      }
    } else {
      pass.forEachRow(
        steps, of: source, ring.assumingMemoryBound(to: Number.self), tapRows,
        aheadSteps: pass.fours
      ) {
        kernel.run($0, $1, $2, share: share, rowSums: rowSums)
      }
    }
    slots.giveBack(memory, slot)
  }
  channelSums.finish(shares: shares.number, channels: pass.channels) {
    pass.lane(Element.self, of: $0)
  }
}
