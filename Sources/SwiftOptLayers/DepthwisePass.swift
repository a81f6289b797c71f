import SwiftOptShims

/// Bytes of padded rows, as float32, that stay in the second cache beside what else is there.
private let ringBytes = 1 << 16

/// A depthwise convolution, or the gradient of its input, as one pass over padded rows: the
/// output's row `y` is made of the padded rows y · step + k · dilation.
struct DepthwisePass {
  let images: Int
  let channels: Int
  let rows: PaddedAxis
  let columns: PaddedAxis

  @inline(__always)
  init(forward window: Window, channels: Int) {
    images = window.batch
    self.channels = channels
    rows = PaddedAxis(forward: window.rows)
    columns = PaddedAxis(forward: window.columns)
  }

  @inline(__always)
  init(backward window: Window, channels: Int) {
    images = window.batch
    self.channels = channels
    rows = PaddedAxis(backward: window.rows)
    columns = PaddedAxis(backward: window.columns)
  }

  @inline(__always)
  var lanes: Int { roundedUp(channels, to: 16) }
  @inline(__always)
  var taps: Int { rows.kernel &* columns.kernel }

  /// Blocks of channels that are worked on together: as few as have padded rows that stay in
  /// the caches, since what lies together in memory is best read together.
  @inline(__always)
  var channelBlocks: Int {
    let fitting = ringBytes / (rows.span &* columns.padded &* 64)
    let vectors = lanes / 16
    return fitting < 1 ? vectors : fitting < vectors ? (vectors &- 1) / fitting &+ 1 : 1
  }
  @inline(__always)
  var blockLanes: Int { roundedUp((lanes &- 1) / channelBlocks &+ 1, to: 16) }

  /// Rows of the output, per image and block of channels, and how they are shared out: not fewer
  /// than eight together, since the first of them reads rows that others have read too.
  @inline(__always)
  var shares: Shares { shares(most: 64) }
  @inline(__always)
  func shares(most: Int) -> Shares {
    let count = images &* channelBlocks &* rows.target
    let eighth = (count &+ 7) / 8
    return Shares(count, most: eighth < 1 ? 1 : eighth < most ? eighth : most)
  }

  @inline(__always)
  var ringCount: Int { PaddedRows<Float>.planeCount(rows, columns, pitch: blockLanes) }

  /// Numbers from one plane of sixteen channels to the next.
  @inline(__always)
  var planeCount: Int { PaddedRows<Float>.planeCount(rows, columns, pitch: 16) }

  /// False after a fault: the padded rows alone are beyond all bounds.
  func isWithinBounds(_ plan: LayerPlan) -> Bool {
    _ = plan.product(rows.span, columns.padded, lanes, 1024)
    _ = plan.product(taps, lanes, 1024)
    return !plan.hasFault
  }

  /// Calls `body` for each row of the output that a share has: with the padded rows filled for
  /// it, its image, its row, and the block's first channel and number of channels.
  @inline(__always)
  func forEachRow<Element: LayerElement>(
    _ steps: Range<Int>, of source: UnsafePointer<Element>,
    _ ring: UnsafeMutablePointer<Element.Number>,
    _ body: (PaddedRows<Element>, Ahead<Element>, Int, Int, Int, Int) -> Void
  ) {
    let blockLanes = self.blockLanes
    let channelBlocks = self.channelBlocks
    var padded = PaddedRows<Element>(
      rows, columns, pitch: 16, planes: blockLanes / 16, memory: ring)
    var block = -1
    for step in steps {
      let row = step % rows.target
      let imageBlock = step / rows.target
      let image = imageBlock / channelBlocks
      let channel = imageBlock % channelBlocks &* blockLanes
      let taken = channels &- channel < blockLanes ? channels &- channel : blockLanes
      if imageBlock != block {
        block = imageBlock
        padded.forget()
      }
      padded.fill(
        target: row,
        source + (image &* rows.source &* columns.source &* channels &+ channel),
        channels: channels, taken: taken)
      let next = image &* rows.source &+ rows.nextPlace(after: row)
      let ahead = Ahead(
        source + (next &* columns.source &* channels &+ channel),
        places: rows.step &* columns.source, taken, self)
      body(padded, ahead, image, row, channel, taken)
    }
  }
}

/// The rows that will be read next: asked for while there is something to compute.
struct Ahead<Element: LayerElement> {
  private let start: UnsafePointer<Element>
  private let places: Int
  private let channels: Int
  private let bytes: Int

  /// From `start` on, of whose places `taken` channels are read.
  @inline(__always)
  init(_ start: UnsafePointer<Element>, places: Int, _ taken: Int, _ pass: DepthwisePass) {
    self.start = start
    self.places = places
    channels = pass.channels
    bytes = taken &* MemoryLayout<Element>.stride
  }

  /// Asks for one of `parts` parts. What is behind an array's end is never touched.
  @inline(__always)
  func fetch(_ part: Int, of parts: Int) {
    let each = (places &- 1) / parts &+ 1
    let begin = UnsafeRawPointer(start + part &* each &* channels)
    for place in 0..<each {
      var byte = place &* channels &* MemoryLayout<Element>.stride
      let end = byte &+ bytes
      while byte < end {
        so_prefetch(begin + byte)
        byte &+= 64
      }
    }
  }
}

/// Copies a depthwise weight as numbers, in whole vectors of channels, turned around if asked.
@inline(__always)
func depthwiseWeight<Element: LayerElement>(
  _ weight: UnsafePointer<Element>, taps: Int, channels: Int, lanes: Int, isTurned: Bool,
  into target: UnsafeMutablePointer<Element.Number>
) {
  for tap in 0..<taps {
    let source = weight + (isTurned ? taps &- 1 &- tap : tap) &* channels
    for lane in 0..<lanes {
      target[tap &* lanes &+ lane] = lane < channels ? source[lane].number : 0
    }
  }
}
