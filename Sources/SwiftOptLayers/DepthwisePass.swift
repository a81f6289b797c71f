import SwiftOptShims

/// Bytes of padded rows, as float32, that stay in the second cache beside what else is there.
private let ringBytes = 1 << 16

/// A depthwise convolution, or the gradient of its input, as one pass over padded rows, or over
/// rows that are read as if they were: the output's row `y` is made of the padded rows y · step +
/// k · dilation.
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
    let fitting = ringBytes / (rows.span &* columns.padded &* unit &* 4)
    let units = lanes / unit
    return fitting < 1 ? units : fitting < units ? (units &- 1) / fitting &+ 1 : 1
  }
  /// Lanes that stay together: pairs if the channels are whole ones.
  @inline(__always)
  private var unit: Int { channels & 31 == 0 ? 32 : 16 }
  @inline(__always)
  var blockLanes: Int {
    roundedUp((lanes &- 1) / channelBlocks &+ 1, to: unit)
  }

  /// Fours of places in a row of the output.
  @inline(__always)
  var fours: Int { (columns.target &+ 3) / 4 }

  /// Whether the lanes of channels are in pairs.
  @inline(__always)
  func isPaired<Element: LayerElement>(_ element: Element.Type) -> Bool {
    Element.hasPairs && unit == 32
  }

  /// Where a channel's number is among all lanes.
  @inline(__always)
  func lane<Element: LayerElement>(_ element: Element.Type, of channel: Int) -> Int {
    isPaired(element) ? Element.pairLane(channel) : channel
  }

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

  /// Calls `body` for each row of the output that a share has, with the padded rows filled for
  /// it, and with what the next row reads, to be asked for in so many steps. `tapRows` has the
  /// bytes of `TapRows`.
  @inline(__always)
  func forEachRow<Element: LayerElement>(
    _ steps: Range<Int>, of source: UnsafePointer<Element>,
    _ ring: UnsafeMutablePointer<Element.Number>, _ tapRows: UnsafeMutableRawPointer,
    aheadSteps: Int,
    _ body: (TapRows<Element.Number>, Ahead<Element>, DepthwiseRow) -> Void
  ) {
    var padded = PaddedRows<Element>(
      rows, columns, pitch: 16, planes: blockLanes / 16, isPaired: isPaired(Element.self),
      memory: ring)
    forEachPlace(steps) { place in
      if place.row == 0 { padded.forget() }
      padded.fill(
        target: place.row, source + start(place), channels: channels, taken: place.taken)
      body(
        TapRows(rows, tapRows) { padded.row($0 &* rows.dilation) },
        ahead(source, place, steps: aheadSteps), place)
    }
  }

  /// The same without padded rows: the image's own.
  @inline(__always)
  func forEachImageRow<Element: LayerElement>(
    _ steps: Range<Int>, of source: UnsafePointer<Element>, _ tapRows: UnsafeMutableRawPointer,
    _ body: (TapRows<Element>, Ahead<Element>, DepthwiseRow) -> Void
  ) {
    let image = source
    forEachPlace(steps) { place in
      let source = image + start(place)
      let tapRows = TapRows<Element>(rows, tapRows) { tapRow in
        let row = rows.sourcePlace(place.row &* rows.step &+ tapRow &* rows.dilation)
        return row < 0 ? nil : source + row &* columns.source &* channels
      }
      body(tapRows, ahead(image, place, steps: fours), place)
    }
  }

  @inline(__always)
  private func forEachPlace(_ steps: Range<Int>, _ body: (DepthwiseRow) -> Void) {
    let (blockLanes, channelBlocks) = (blockLanes, channelBlocks)
    var row = steps.lowerBound % rows.target
    var imageBlock = steps.lowerBound / rows.target
    for _ in steps {
      let channel = imageBlock % channelBlocks &* blockLanes
      let taken = channels &- channel < blockLanes ? channels &- channel : blockLanes
      body(
        DepthwiseRow(
          image: imageBlock / channelBlocks, row: row, channel: channel, taken: taken))
      row &+= 1
      if row == rows.target {
        row = 0
        imageBlock &+= 1
      }
    }
  }

  /// Where an image's channels of a block begin.
  @inline(__always)
  private func start(_ place: DepthwiseRow) -> Int {
    place.image &* rows.source &* columns.source &* channels &+ place.channel
  }

  /// What the row after this one will read first.
  @inline(__always)
  private func ahead<Element: LayerElement>(
    _ source: UnsafePointer<Element>, _ place: DepthwiseRow, steps: Int
  ) -> Ahead<Element> {
    let next = rows.nextPlace(after: place.row) &* columns.source &* channels
    return Ahead(
      source + (start(place) &+ next), places: rows.step &* columns.source, place.taken, self,
      steps: steps)
  }
}

/// The rows of a kernel that don't meet zeros alone: where each begins to read, and which row of
/// the kernel it is.
struct TapRows<Value> {
  let values: UnsafeMutablePointer<UnsafePointer<Value>>
  let numbers: UnsafeMutablePointer<Int>
  private(set) var count = 0

  /// Of the memory for a kernel of so many rows, a multiple of 64.
  static func bytes(_ rows: Int) -> Int { roundedUp(rows &* 16, to: 64) }

  @inline(__always)
  init(
    _ rows: PaddedAxis, _ memory: UnsafeMutableRawPointer, _ row: (Int) -> UnsafePointer<Value>?
  ) {
    values = memory.assumingMemoryBound(to: UnsafePointer<Value>.self)
    numbers = (memory + 8 &* rows.kernel).assumingMemoryBound(to: Int.self)
    for tapRow in 0..<rows.kernel {
      guard let row = row(tapRow) else { continue }
      values[count] = row
      numbers[count] = tapRow
      count &+= 1
    }
  }
}

/// A row that will be read or written next: asked for in steps while there is something to
/// compute.
struct Ahead<Element: LayerElement> {
  private let start: UnsafeRawPointer
  /// Stretches of memory in a step, how far apart they are, and how long each is.
  private let stretches: Int
  private let apart: Int
  private let bytes: Int
  private let stepBytes: Int

  /// From `start` on, of whose places `taken` channels are used. If those are all, a step's
  /// places are one stretch.
  @inline(__always)
  init(
    _ start: UnsafePointer<Element>, places: Int, _ taken: Int, _ pass: DepthwisePass, steps: Int
  ) {
    self.start = UnsafeRawPointer(start)
    let each = (places &+ steps &- 1) / steps
    let isWhole = taken == pass.channels
    let place = pass.channels &* MemoryLayout<Element>.stride
    stretches = isWhole ? 1 : each
    apart = place
    stepBytes = each &* place
    bytes = isWhole ? stepBytes : taken &* MemoryLayout<Element>.stride
  }

  /// What is behind an array's end is never touched.
  @inline(__always)
  func fetch(step: Int) {
    var begin = start + step &* stepBytes
    for _ in 0..<stretches {
      var byte = 0
      while byte < bytes {
        so_prefetch(begin + byte)
        byte &+= 64
      }
      begin += apart
    }
  }
}

/// A row of the output in one block of channels.
struct DepthwiseRow {
  let image: Int
  let row: Int
  /// The block's first channel, and how many there are.
  let channel: Int
  let taken: Int
}

/// Copies a depthwise weight, turned around if asked, and after its taps the bias or zeros: as
/// numbers, in whole vectors of channels.
@inline(__always)
func depthwiseWeight<Element: LayerElement>(
  _ weight: UnsafePointer<Element>, bias: UnsafePointer<Element.Number>?, _ pass: DepthwisePass,
  isTurned: Bool, into target: UnsafeMutablePointer<Element.Number>
) {
  let (taps, channels, lanes) = (pass.taps, pass.channels, pass.lanes)
  for index in 0..<(taps &+ 1) &* lanes { target[index] = 0 }
  for tap in 0..<taps {
    let source = weight + (isTurned ? taps &- 1 &- tap : tap) &* channels
    for channel in 0..<channels {
      target[tap &* lanes &+ pass.lane(Element.self, of: channel)] = source[channel].number
    }
  }
  guard let bias else { return }
  for channel in 0..<channels {
    target[taps &* lanes &+ pass.lane(Element.self, of: channel)] = bias[channel].plainNaN
  }
}
