import SwiftOptShims

/// A convolution of images with few channels, as the first one of a network is: a patch is so
/// short that gathering it takes longer than the product. Here the kernel's places are read
/// from padded rows, each one for sixteen output channels at a time.
struct DirectConvolution {
  let convolution: Convolution
  let rows: PaddedAxis
  let columns: PaddedAxis
  let numberBytes: Int

  /// Taps that a patch has at most.
  static var mostTaps: Int { 32 }

  @inline(__always)
  init(_ convolution: Convolution, numberBytes: Int) {
    self.convolution = convolution
    self.numberBytes = numberBytes
    rows = PaddedAxis(forward: convolution.window.rows)
    columns = PaddedAxis(forward: convolution.window.columns)
  }

  /// Whether it is for this convolution: the padded rows must fit into a task's scratch memory.
  var suits: Bool {
    let ring = rows.span &* columns.padded &* convolution.inChannels &* numberBytes
    return convolution.groups == 1 && convolution.depth <= Self.mostTaps
      && !convolution.isPointwise && ring <= Int(SO_SCRATCH_BYTES) &- 1024
  }

  /// Output channels, in pairs of vectors.
  @inline(__always)
  var lanes: Int { roundedUp(convolution.outChannels, to: 32) }
  @inline(__always)
  var taps: Int { convolution.depth }
  @inline(__always)
  var shares: Shares { Shares(convolution.window.batch &* rows.target) }

  /// Calls `body` for each row of the output that a share has, with the padded rows filled for it
  /// and its image and row.
  @inline(__always)
  func forEachRow<Element: LayerElement>(
    _ steps: Range<Int>, of source: UnsafePointer<Element>,
    _ ring: UnsafeMutablePointer<Element.Number>,
    _ body: (PaddedRows<Element>, Int, Int) -> Void
  ) {
    let channels = convolution.inChannels
    var padded = PaddedRows<Element>(rows, columns, pitch: channels, planes: 1, memory: ring)
    var current = -1
    for step in steps {
      let (image, row) = (step / rows.target, step % rows.target)
      if image != current {
        current = image
        padded.forget()
      }
      padded.fill(
        target: row, source + image &* rows.source &* columns.source &* channels,
        channels: channels, taken: channels)
      body(padded, image, row)
    }
  }
}

/// The taps of a row of the output that aren't all zeros: where each begins to read, and which
/// one it is.
struct DirectTaps<Number: LayerNumber> {
  let values: UnsafeMutablePointer<UnsafePointer<Number>>
  let numbers: UnsafeMutablePointer<Int>
  private(set) var count = 0

  static var bytes: Int { 2 &* DirectConvolution.mostTaps &* 8 }

  /// `memory` has `bytes` bytes.
  @inline(__always)
  init<Element: LayerElement>(
    _ direct: DirectConvolution, _ padded: PaddedRows<Element>, _ memory: UnsafeMutableRawPointer
  ) where Element.Number == Number {
    values = memory.assumingMemoryBound(to: UnsafePointer<Number>.self)
    numbers = (memory + DirectConvolution.mostTaps &* 8).assumingMemoryBound(to: Int.self)
    let channels = direct.convolution.inChannels
    for tapRow in 0..<direct.rows.kernel {
      guard let row = padded.row(tapRow &* direct.rows.dilation) else { continue }
      for tapColumn in 0..<direct.columns.kernel {
        for channel in 0..<channels {
          values[count] = row + (tapColumn &* direct.columns.dilation &* channels &+ channel)
          numbers[count] =
            (tapRow &* direct.columns.kernel &+ tapColumn) &* channels &+ channel
          count &+= 1
        }
      }
    }
  }
}

/// A row of the output: four places and two vectors of channels at a time.
struct DirectKernel<Element: LayerElement> {
  typealias Number = Element.Number

  let direct: DirectConvolution
  /// (taps, lanes).
  let weight: UnsafePointer<Number>
  /// (lanes).
  let bias: UnsafePointer<Number>
  let isRectified: Bool
  let output: UnsafeMutablePointer<Element>
  let sums: ChannelSums
  let scratch: UnsafeMutableRawPointer

  /// Out of line: the build allows only functions of this type to fuse.
  @inline(never)
  func run(_ padded: PaddedRows<Element>, share: Int, image: Int, row: Int) {
    let taps = DirectTaps<Number>(direct, padded, scratch)
    let channels = direct.convolution.outChannels
    let places = direct.columns.target
    let target = output + (image &* direct.rows.target &+ row) &* places &* channels
    var channel = 0
    while channel < channels {
      var place = 0
      while place &+ 4 <= places {
        four(taps, place, channel, target, share)
        place &+= 4
      }
      while place < places {
        one(taps, place, channel, target, share)
        place &+= 1
      }
      channel &+= 32
    }
  }

  @inline(__always)
  private func four(
    _ taps: DirectTaps<Number>, _ place: Int, _ channel: Int,
    _ target: UnsafeMutablePointer<Element>, _ share: Int
  ) {
    let apart = direct.columns.step &* direct.convolution.inChannels
    let (b0, b1) = (Number.load16(bias + channel), Number.load16(bias + (channel &+ 16)))
    var (s0, s1, s2, s3) = (b0, b0, b0, b0)
    var (t0, t1, t2, t3) = (b1, b1, b1, b1)
    for tap in 0..<taps.count {
      let factors = weight + (taps.numbers[tap] &* direct.lanes &+ channel)
      let (f0, f1) = (Number.load16(factors), Number.load16(factors + 16))
      let value = taps.values[tap] + place &* apart
      let v0 = SIMD16<Number>(repeating: value[0])
      let v1 = SIMD16<Number>(repeating: value[apart])
      let v2 = SIMD16<Number>(repeating: value[2 &* apart])
      let v3 = SIMD16<Number>(repeating: value[3 &* apart])
      s0 = Number.fused16(v0, f0, s0)
      t0 = Number.fused16(v0, f1, t0)
      s1 = Number.fused16(v1, f0, s1)
      t1 = Number.fused16(v1, f1, t1)
      s2 = Number.fused16(v2, f0, s2)
      t2 = Number.fused16(v2, f1, t2)
      s3 = Number.fused16(v3, f0, s3)
      t3 = Number.fused16(v3, f1, t3)
    }
    let channels = direct.convolution.outChannels
    let first = target + (place &* channels &+ channel)
    finish(s0, s1, s2, s3, 4, first, channel, share)
    if channel &+ 16 < channels {
      finish(t0, t1, t2, t3, 4, first + 16, channel &+ 16, share)
    }
  }

  @inline(__always)
  private func one(
    _ taps: DirectTaps<Number>, _ place: Int, _ channel: Int,
    _ target: UnsafeMutablePointer<Element>, _ share: Int
  ) {
    let apart = direct.columns.step &* direct.convolution.inChannels
    var (s, t) = (Number.load16(bias + channel), Number.load16(bias + (channel &+ 16)))
    for tap in 0..<taps.count {
      let factors = weight + (taps.numbers[tap] &* direct.lanes &+ channel)
      let value = SIMD16<Number>(repeating: taps.values[tap][place &* apart])
      s = Number.fused16(value, Number.load16(factors), s)
      t = Number.fused16(value, Number.load16(factors + 16), t)
    }
    let channels = direct.convolution.outChannels
    let first = target + (place &* channels &+ channel)
    finish(s, s, s, s, 1, first, channel, share)
    if channel &+ 16 < channels { finish(t, t, t, t, 1, first + 16, channel &+ 16, share) }
  }

  /// Stores `count` places, the channels from `channel` on.
  @inline(__always)
  private func finish(
    _ s0: SIMD16<Number>, _ s1: SIMD16<Number>, _ s2: SIMD16<Number>, _ s3: SIMD16<Number>,
    _ count: Int, _ target: UnsafeMutablePointer<Element>, _ channel: Int, _ share: Int
  ) {
    let channels = direct.convolution.outChannels
    let floor = SIMD16<Number>(repeating: isRectified ? 0 : -.infinity)
    let v0 = Number.maximum16(floor, s0)
    let v1 = Number.maximum16(floor, s1)
    let v2 = Number.maximum16(floor, s2)
    let v3 = Number.maximum16(floor, s3)
    let taken = channels &- channel
    store(v0, target, first: taken)
    if count == 4 {
      store(v1, target + channels, first: taken)
      store(v2, target + 2 &* channels, first: taken)
      store(v3, target + 3 &* channels, first: taken)
    }
    guard sums.areWanted else { return }
    let place = sums.place(share: share, channel: channel)
    var total = SixteenSums<Number>(place)
    if count == 4 {
      total.add(
        Element.self, Element.rounded16(v0), Element.rounded16(v1), Element.rounded16(v2),
        Element.rounded16(v3))
    } else {
      total.add(Element.rounded16(v0))
    }
    total.store(place)
  }
}
