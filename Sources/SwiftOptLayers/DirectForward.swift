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
    for lane in 0..<direct.lanes { biases[lane] = 0 }
    if let bias {
      for channel in 0..<direct.convolution.outChannels { biases[channel] = bias[channel] }
    }
    for lane in 0..<direct.lanes {
      let isChannel = lane < direct.convolution.outChannels
      for tap in 0..<direct.taps {
        numbers[tap &* direct.lanes &+ lane] =
          isChannel ? weight[lane &* direct.taps &+ tap].number : 0
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
        direct: direct, weight: numbers, bias: biases, isRectified: isRectified, output: y,
        sums: channelSums, scratch: scratch)
      let ring = (scratch + DirectTaps<Number>.bytes).assumingMemoryBound(to: Number.self)
      direct.forEachRow(steps, of: x, ring) { padded, image, row in
        kernel.run(padded, share: share, image: image, row: row)
      }
    }
    channelSums.finish(shares: shares.number, channels: direct.convolution.outChannels)
  }
}
