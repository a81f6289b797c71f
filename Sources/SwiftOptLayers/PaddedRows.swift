/// How the windows of one axis meet an image whose places may have zeros between them: padded
/// place `p` is the image's place (p - padding) / stuffing where that is whole and inside, and
/// zero elsewhere; window `t` begins at padded place t · step. A convolution has no zeros in
/// between; the gradient of its input is one over the output's gradient, with stride - 1 zeros
/// between its places and the kernel turned around.
struct PaddedAxis {
  let source: Int
  let target: Int
  let kernel: Int
  let dilation: Int
  let step: Int
  let stuffing: Int
  let padding: Int

  @inline(__always)
  init(forward axis: WindowAxis) {
    source = axis.input
    target = axis.output
    kernel = axis.kernel
    dilation = axis.dilation
    step = axis.stride
    stuffing = 1
    padding = axis.padding
  }

  /// May have a negative padding: then the first places of the source reach nothing.
  @inline(__always)
  init(backward axis: WindowAxis) {
    source = axis.output
    target = axis.input
    kernel = axis.kernel
    dilation = axis.dilation
    step = 1
    stuffing = axis.stride
    padding = axis.span &- 1 &- axis.padding
  }

  @inline(__always)
  var span: Int { dilation &* (kernel &- 1) &+ 1 }

  /// Padded places that the windows cover, if there were a multiple of four of them.
  @inline(__always)
  var padded: Int { (roundedUp(target, to: 4) &- 1) &* step &+ span }

  /// The first place of the source that windows up to `target` don't cover.
  @inline(__always)
  func nextPlace(after target: Int) -> Int {
    let place = target &* step &+ span &- padding
    return stuffing == 1 ? place : (place &+ stuffing &- 1) / stuffing
  }

  /// The image's place, or -1 for a zero.
  @inline(__always)
  func sourcePlace(_ padded: Int) -> Int {
    let stuffed = padded &- padding
    if stuffed < 0 { return -1 }
    let place = stuffing == 1 ? stuffed : stuffed / stuffing
    return place < source && place &* stuffing == stuffed ? place : -1
  }
}

/// The padded rows of an image that the windows of one row of the output cover, as numbers.
/// Going to the next row of windows reads only what is new, and the zeros around the image are
/// written once: its places are the same in every row.
///
/// The channels are in planes of sixteen, one after the other, so that a place and the next one
/// in its row are a constant apart; or in one plane of them all. If paired, two planes have the
/// lanes of thirty-two channels as `PairedElement` orders them.
struct PaddedRows<Element: LayerElement> {
  typealias Number = Element.Number

  let rows: PaddedAxis
  let columns: PaddedAxis
  let pitch: Int
  let isPaired: Bool
  let memory: UnsafeMutablePointer<Number>
  /// The padded rows that are in memory, a ring of `rows.span`, and the first one's place there.
  private var filled = 0..<0
  private var firstSlot = 0
  /// The image's places that the windows reach, and where the first one is in a padded row.
  private let reached: Range<Int>
  private let readPlace: Int

  /// Numbers in a plane.
  @inline(__always)
  static func planeCount(_ rows: PaddedAxis, _ columns: PaddedAxis, pitch: Int) -> Int {
    rows.span &* columns.padded &* pitch
  }

  @inline(__always)
  init(
    _ rows: PaddedAxis, _ columns: PaddedAxis, pitch: Int, planes: Int, isPaired: Bool = false,
    memory: UnsafeMutablePointer<Number>
  ) {
    self.rows = rows
    self.columns = columns
    self.pitch = pitch
    self.isPaired = isPaired
    self.memory = memory
    // The first place that isn't before the padded row, and the first beyond it.
    let stuffing = columns.stuffing
    let begin = columns.padding < 0 ? (stuffing &- 1 &- columns.padding) / stuffing : 0
    let beyond = (columns.padded &- 1 &- columns.padding &+ stuffing) / stuffing
    let end = beyond < columns.source ? beyond : columns.source
    reached = begin..<(end < begin ? begin : end)
    readPlace = begin &* stuffing &+ columns.padding
    let count = Self.planeCount(rows, columns, pitch: pitch) &* planes
    for index in 0..<count { memory[index] = 0 }
  }

  /// The padded row that is `offset` behind the first of those that were filled last, in the
  /// first plane; nil if it is all zeros.
  @inline(__always)
  func row(_ offset: Int) -> UnsafePointer<Number>? {
    guard rows.sourcePlace(filled.lowerBound &+ offset) >= 0 else { return nil }
    return UnsafePointer(memory + slot(offset) &* columns.padded &* pitch)
  }

  /// Another image, or other channels of it: nothing of it is there yet.
  @inline(__always)
  mutating func forget() { filled = 0..<0 }

  /// Reads what row `target` of the windows covers of an image at `source`, whose places have
  /// `channels` elements each, of which `taken` are read.
  @inline(__always)
  mutating func fill(target: Int, _ source: UnsafePointer<Element>, channels: Int, taken: Int) {
    let first = target &* rows.step
    let last = first &+ rows.span
    var row = first
    if first >= filled.lowerBound && first < filled.upperBound {
      row = filled.upperBound
      firstSlot = slot(first &- filled.lowerBound)
    } else {
      firstSlot = 0
    }
    while row < last {
      let place = rows.sourcePlace(row)
      if place >= 0 {
        read(
          source + place &* columns.source &* channels, channels: channels, taken: taken,
          into: memory + slot(row &- first) &* columns.padded &* pitch)
      }
      row &+= 1
    }
    filled = first..<last
  }

  /// Where in the ring the padded row is that is `offset` behind the first one.
  @inline(__always)
  private func slot(_ offset: Int) -> Int {
    let slot = firstSlot &+ offset
    return slot < rows.span ? slot : slot &- rows.span
  }

  @inline(__always)
  private func read(
    _ source: UnsafePointer<Element>, channels: Int, taken: Int,
    into row: UnsafeMutablePointer<Number>
  ) {
    guard !reached.isEmpty else { return }
    let source = source + reached.lowerBound &* channels
    let target = row + readPlace &* pitch
    if columns.stuffing == 1 && taken == channels && taken == pitch {
      widen(source, target, reached.count &* channels)
      return
    }
    readPlanes(
      source, apart: channels, places: reached.count, count: taken, target,
      apart: columns.stuffing &* pitch, plane: Self.planeCount(rows, columns, pitch: pitch),
      isPaired: isPaired)
  }
}

/// Reads `count` channels of each place into planes of sixteen, in the order in which they lie
/// in memory, or paired if `count` is a multiple of 32. Out of line, for registers of its own.
@inline(never)
func readPlanes<Element: LayerElement>(
  _ source: UnsafePointer<Element>, apart step: Int, places: Int, count: Int,
  _ target: UnsafeMutablePointer<Element.Number>, apart targetStep: Int, plane: Int,
  isPaired: Bool
) {
  if Element.hasPairs && isPaired {
    for place in 0..<places {
      let source = source + place &* step
      var target = target + place &* targetStep
      var channel = 0
      while channel < count {
        let (first, second) = Element.loadPairs32(source + channel)
        Element.Number.store16(first, target)
        Element.Number.store16(second, target + plane)
        target += 2 &* plane
        channel &+= 32
      }
    }
    return
  }
  let whole = count & ~15
  for place in 0..<places {
    let source = source + place &* step
    var target = target + place &* targetStep
    var channel = 0
    while channel < whole {
      Element.Number.store16(Element.load16(source + channel), target)
      target += plane
      channel &+= 16
    }
    while channel < count {
      target[channel & 15] = source[channel].number
      channel &+= 1
    }
  }
}

/// Elements as numbers.
@inline(__always)
func widen<Element: LayerElement>(
  _ source: UnsafePointer<Element>, _ target: UnsafeMutablePointer<Element.Number>, _ count: Int
) {
  var index = 0
  while index &+ 16 <= count {
    Element.Number.store16(Element.load16(source + index), target + index)
    index &+= 16
  }
  while index < count {
    target[index] = source[index].number
    index &+= 1
  }
}
