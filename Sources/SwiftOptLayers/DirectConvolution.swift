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

  /// Whether the lanes of output channels are in pairs.
  @inline(__always)
  func isPaired<Element: LayerElement>(_ element: Element.Type) -> Bool {
    Element.hasPairs && convolution.outChannels & 31 == 0
  }

  /// Where an output channel's number is among all lanes.
  @inline(__always)
  func lane<Element: LayerElement>(_ element: Element.Type, of channel: Int) -> Int {
    isPaired(element) ? Element.pairLane(channel) : channel
  }

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
  let output: UnsafeMutablePointer<Element>
  let places: PlaceOutput<Element>
  let scratch: UnsafeMutableRawPointer

  /// Out of line: the build allows only functions of this type to fuse.
  @inline(never)
  func run(_ padded: PaddedRows<Element>, share: Int, image: Int, row: Int) {
    let taps = DirectTaps<Number>(direct, padded, scratch)
    let channels = direct.convolution.outChannels
    let columns = direct.columns.target
    let target = output + (image &* direct.rows.target &+ row) &* columns &* channels
    var channel = 0
    while channel < channels {
      var place = 0
      while place &+ 4 <= columns {
        four(taps, place, channel, target, share)
        place &+= 4
      }
      while place < columns {
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
    var (s, t) = (Four(b0), Four(b1))
    for tap in 0..<taps.count {
      let factors = weight + (taps.numbers[tap] &* direct.lanes &+ channel)
      let (f0, f1) = (Number.load16(factors), Number.load16(factors + 16))
      let value = taps.values[tap] + place &* apart
      let v0 = SIMD16<Number>(repeating: value[0])
      let v1 = SIMD16<Number>(repeating: value[apart])
      let v2 = SIMD16<Number>(repeating: value[2 &* apart])
      let v3 = SIMD16<Number>(repeating: value[3 &* apart])
      s.s0 = Number.fused16(v0, f0, s.s0)
      t.s0 = Number.fused16(v0, f1, t.s0)
      s.s1 = Number.fused16(v1, f0, s.s1)
      t.s1 = Number.fused16(v1, f1, t.s1)
      s.s2 = Number.fused16(v2, f0, s.s2)
      t.s2 = Number.fused16(v2, f1, t.s2)
      s.s3 = Number.fused16(v3, f0, s.s3)
      t.s3 = Number.fused16(v3, f1, t.s3)
    }
    write(s, t, 4, place, channel, target, share)
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
    write(Four(s), Four(t), 1, place, channel, target, share)
  }

  /// Stores `count` places, the channels from `channel` on.
  @inline(__always)
  private func write(
    _ s: Four<Number>, _ t: Four<Number>, _ count: Int, _ place: Int, _ channel: Int,
    _ target: UnsafeMutablePointer<Element>, _ share: Int
  ) {
    let channels = direct.convolution.outChannels
    let first = target + (place &* channels &+ channel)
    if direct.isPaired(Element.self) {
      places.writePairs(s, t, count, first, share, channel)
      return
    }
    let left = channels &- channel
    places.write(s, count, first, share, channel, left)
    if left > 16 { places.write(t, count, first + 16, share, channel &+ 16, left &- 16) }
  }
}
