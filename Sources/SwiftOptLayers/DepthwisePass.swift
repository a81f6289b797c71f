import SwiftOptShims

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

  /// Channels that are worked on together: so many that their padded rows, as float32, and
  /// sixteen of a row's sums fit into a task's scratch memory.
  @inline(__always)
  var blockLanes: Int {
    let bytes = Int(SO_SCRATCH_BYTES) &- 256 &- 64 &* columns.target
    let fitting = bytes / (rows.span &* columns.padded &* 64) &* 16
    return fitting < 16 ? 16 : fitting < lanes ? fitting : lanes
  }
  @inline(__always)
  var channelBlocks: Int { (lanes &- 1) / blockLanes &+ 1 }

  /// Rows of the output, per image and block of channels, and how they are shared out.
  @inline(__always)
  var shares: Shares { Shares(images &* channelBlocks &* rows.target) }

  @inline(__always)
  var ringCount: Int { PaddedRows<Float>.planeCount(rows, columns, pitch: blockLanes) }

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
    _ body: (PaddedRows<Element>, Int, Int, Int, Int) -> Void
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
      body(padded, image, row, channel, taken)
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
