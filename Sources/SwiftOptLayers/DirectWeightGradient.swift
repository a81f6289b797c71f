/// The gradient of a direct convolution's weight. The workspace has for each share the totals
/// for each tap and for the bias, (taps + 1, lanes), and the sums of an image.
struct DirectWeightGradient {
  let direct: DirectConvolution
  private let sums: Int

  init(_ direct: DirectConvolution) {
    self.direct = direct
    sums = (direct.taps &+ 1) &* direct.lanes
  }

  private var shareBytes: Int { sums &* (8 &+ direct.numberBytes) }

  var bytes: Int { direct.shares.number &* shareBytes }

  func run<Element: LayerElement>(
    dy: UnsafePointer<Element>, x: UnsafePointer<Element>,
    dweight: UnsafeMutablePointer<Element.Number>, dbias: UnsafeMutablePointer<Element.Number>?,
    workspace: UnsafeMutableRawPointer
  ) {
    typealias Number = Element.Number
    let direct = self.direct
    let rowCount = direct.columns.target &* direct.convolution.outChannels
    let shares = direct.shares
    shares.parallel { share, steps, scratch in
      let memory = workspace + share &* shareBytes
      let totals = memory.assumingMemoryBound(to: Double.self)
      let numbers = (memory + sums &* 8).assumingMemoryBound(to: Number.self)
      for index in 0..<sums {
        totals[index] = 0
        numbers[index] = 0
      }
      let kernel = DirectWeightKernel<Element>(
        direct: direct, sums: numbers, hasBias: dbias != nil, scratch: scratch)
      let head = DirectTaps<Number>.bytes &+ TapSums<Number>.bytes
      direct.forEachRow(steps, of: x, (scratch + head).assumingMemoryBound(to: Number.self)) {
        padded, image, row in
        kernel.run(padded, dy + (image &* direct.rows.target &+ row) &* rowCount)
        if row &+ 1 == direct.rows.target { flush(numbers, sums, into: totals) }
      }
      flush(numbers, sums, into: totals)
    }
    combineShares(workspace, dweight, dbias)
  }

  /// Adds the shares' totals up in their order, and brings them into the weight's.
  private func combineShares<Number: LayerNumber>(
    _ workspace: UnsafeRawPointer, _ dweight: UnsafeMutablePointer<Number>,
    _ dbias: UnsafeMutablePointer<Number>?
  ) {
    let totals = workspace.assumingMemoryBound(to: Double.self)
    for tap in 0...direct.taps {
      if tap == direct.taps && dbias == nil { return }
      for channel in 0..<direct.convolution.outChannels {
        var sum = 0.0
        for share in 0..<direct.shares.number {
          sum += totals[share &* shareBytes / 8 &+ tap &* direct.lanes &+ channel]
        }
        if tap < direct.taps {
          dweight[channel &* direct.taps &+ tap] = Number(sum)
        } else {
          dbias?[channel] = Number(sum)
        }
      }
    }
  }
}

private struct DirectWeightKernel<Element: LayerElement> {
  typealias Number = Element.Number

  let direct: DirectConvolution
  let sums: UnsafeMutablePointer<Number>
  let hasBias: Bool
  let scratch: UnsafeMutableRawPointer

  /// Out of line: the build allows only functions of this type to fuse.
  @inline(never)
  func run(_ padded: PaddedRows<Element>, _ gradient: UnsafePointer<Element>) {
    let taps = DirectTaps<Number>(direct, padded, scratch)
    let channels = direct.convolution.outChannels
    var channel = 0
    while channel < channels {
      let count = channels &- channel
      let values = gradient + channel
      if count >= 16 {
        add(taps, channel) { Element.load16(values + $0 &* channels) }
      } else {
        add(taps, channel) { load(values + $0 &* channels, first: count) }
      }
      channel &+= 16
    }
  }

  @inline(__always)
  private func add(
    _ taps: DirectTaps<Number>, _ channel: Int, _ gradient: (Int) -> SIMD16<Number>
  ) {
    var nine = TapSums<Number>(scratch + DirectTaps<Number>.bytes)
    let step = direct.columns.step &* direct.convolution.inChannels
    let places = direct.columns.target
    for tap in 0..<taps.count {
      let sum = sums + (taps.numbers[tap] &* direct.lanes &+ channel)
      if nine.append(taps.values[tap], sum) {
        nine.add(places: places, step: step, gradient: gradient) {
          SIMD16(repeating: $0.pointee)
        }
      }
    }
    nine.add(places: places, step: step, gradient: gradient) { SIMD16(repeating: $0.pointee) }
    guard hasBias else { return }
    var sum = SIMD16<Number>()
    for place in 0..<places { sum = Number.add16(sum, gradient(place)) }
    let target = sums + (direct.taps &* direct.lanes &+ channel)
    Number.store16(Number.add16(Number.load16(target), sum), target)
  }
}
