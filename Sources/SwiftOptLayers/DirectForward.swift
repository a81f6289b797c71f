/// The workspace of a direct convolution: the weight and the bias as numbers in whole vectors,
/// and the channels' sums of each share.
struct DirectForward {
  let direct: DirectConvolution
  private let weightBytes: Int
  private let biasBytes: Int

  init(_ direct: DirectConvolution) {
    self.direct = direct
    biasBytes = direct.lanes &* direct.numberBytes
    weightBytes = direct.taps &* biasBytes
  }

  var bytes: Int {
    weightBytes &+ biasBytes
      &+ ChannelSums.bytes(shares: direct.shares.number, lanes: direct.lanes)
  }

  func run<Element: LayerElement>(
    x: UnsafePointer<Element>, weight: UnsafePointer<Element>,
    bias: UnsafePointer<Element.Number>?, y: UnsafeMutablePointer<Element>,
    sums: UnsafeMutablePointer<Double>?, squares: UnsafeMutablePointer<Double>?,
    isRectified: Bool, workspace: UnsafeMutableRawPointer
  ) {
    typealias Number = Element.Number
    let direct = self.direct
    let numbers = workspace.assumingMemoryBound(to: Number.self)
    let biases = numbers + direct.taps &* direct.lanes
    for index in 0..<(direct.taps &+ 1) &* direct.lanes { numbers[index] = 0 }
    for channel in 0..<direct.convolution.outChannels {
      let lane = direct.lane(Element.self, of: channel)
      if let bias { biases[lane] = bias[channel].plainNaN }
      for tap in 0..<direct.taps {
        numbers[tap &* direct.lanes &+ lane] = weight[channel &* direct.taps &+ tap].number
      }
    }
    let channelSums = ChannelSums(
      sums: sums, squares: squares,
      partials: (workspace + (weightBytes &+ biasBytes)).assumingMemoryBound(to: Double.self),
      lanes: direct.lanes)
    let shares = direct.shares
    shares.parallel { share, steps, scratch in
      channelSums.begin(share: share)
      let kernel = DirectKernel<Element>(
        direct: direct, weight: numbers, bias: biases, output: y,
        places: PlaceOutput(
          channels: direct.convolution.outChannels, isRectified: isRectified, sums: channelSums),
        scratch: scratch)
      let ring = (scratch + DirectTaps<Number>.bytes).assumingMemoryBound(to: Number.self)
      direct.forEachRow(steps, of: x, ring) { padded, image, row in
        kernel.run(padded, share: share, image: image, row: row)
      }
    }
    channelSums.finish(shares: shares.number, channels: direct.convolution.outChannels) {
      direct.lane(Element.self, of: $0)
    }
  }
}
