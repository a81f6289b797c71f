import SwiftOptShims

/// A matrix of rows × channels cut up for sixteen lanes at a time and into blocks of rows.
///
/// Few channels, or an odd number of them, would leave lanes unused; so several neighbouring
/// rows are taken as one wide row, in which a channel has several places. The last wide row may
/// be an incomplete one. What is computed depends on nothing but shape and dtype.
///
/// Wide rows of whole pairs are read as `PairedElement` orders them: then a place's numbers, in
/// lines and sums, are in the lane of `lane(of:)`.
struct FoldedRows {
  let channels: Int
  /// Rows in a wide row.
  let fold: Int
  /// Elements of a wide row.
  let width: Int
  /// `width` rounded up to whole vectors.
  let lanes: Int
  /// Complete wide rows.
  let complete: Int
  /// Elements of the incomplete one.
  let rest: Int
  /// Wide rows of a block.
  let blockRows: Int
  let blocks: Int
  let isPaired: Bool

  init(rows: Int, channels: Int, isFolded: Bool = true, hasPairs: Bool = false) {
    let odd = 16 / min(channels & (0 &- channels), 16)
    var fold = max(odd, 1)
    while channels &* fold < 64 { fold &*= 2 }
    if channels &* fold > 1024 || !isFolded { fold = 1 }
    let width = max(channels &* fold, 1)
    self.channels = channels
    self.fold = fold
    self.width = width
    lanes = (width &+ 15) & ~15
    complete = rows / fold
    rest = (rows &- complete &* fold) &* channels
    let all = complete &+ (rest > 0 ? 1 : 0)
    // About 64 blocks, of no fewer than 8192 elements and 32 rows, which keeps partial
    // results small beside the matrix.
    let elements = max(8192, complete / 64 &* width)
    let atLeast = max(elements / width, 31 / fold &+ 1)
    blockRows = (atLeast &+ 3) & ~3
    blocks = (all &+ blockRows &- 1) / blockRows
    isPaired = hasPairs && width & 31 == 0 && rest == 0
  }

  /// Where the numbers of a place in a wide row are.
  @inline(__always)
  func lane(of place: Int) -> Int { isPaired ? BFloat16.pairLane(place) : place }

  /// Wide rows of block `block`.
  func rows(of block: Int) -> (begin: Int, end: Int) {
    let all = complete &+ (rest > 0 ? 1 : 0)
    return (block &* blockRows, min(all, (block &+ 1) &* blockRows))
  }

  /// How often each channel is in block `block`.
  func count(of block: Int) -> Int {
    let (begin, end) = rows(of: block)
    let isLast = end > complete
    return (end &- begin &- (isLast ? 1 : 0)) &* fold &+ (isLast ? rest / channels : 0)
  }

  /// Gives the kernel all vectors of wide rows `begin` ..< `end`, as they lie in memory: several
  /// rows at a time would save loads of what is the same in all rows, but processors prefetch
  /// one long stream much better.
  @inline(__always)
  func visit<Kernel: RowKernel>(_ kernel: Kernel, _ begin: Int, _ end: Int) {
    var row = begin
    if Kernel.Element.hasPairs && isPaired {
      while row < end {
        let offset = row &* width
        var lane = 0
        while lane < width {
          kernel.pairs(offset &+ lane, lane)
          lane &+= 32
        }
        row &+= 1
      }
      return
    }
    while row < end {
      let offset = row &* width
      let count = row < complete ? width : rest
      var lane = 0
      while lane &+ 64 <= count {
        kernel.vector(offset &+ lane, lane, 16)
        kernel.vector(offset &+ lane &+ 16, lane &+ 16, 16)
        kernel.vector(offset &+ lane &+ 32, lane &+ 32, 16)
        kernel.vector(offset &+ lane &+ 48, lane &+ 48, 16)
        lane &+= 64
      }
      while lane < count {
        kernel.vector(offset &+ lane, lane, count &- lane)
        lane &+= 16
      }
      row &+= 1
    }
  }

  /// Writes for each place in a wide row what `value` gives for its channel, and 0 beyond. What
  /// is not a number is the plain one, as pairs want it.
  @inline(__always)
  func spread<Number: LayerNumber>(
    _ target: UnsafeMutablePointer<Number>, _ value: (Int) -> Number
  ) {
    for channel in 0..<channels { target[lane(of: channel)] = value(channel).plainNaN }
    for place in channels..<max(width, channels) {
      target[lane(of: place)] = target[lane(of: place &- channels)]
    }
    for lane in width..<max(lanes, width) { target[lane] = 0 }
  }

  /// The same with a channel's number in `source`, or with `filler` if there is no such array.
  /// Two loops: of one with a choice in it the compiler makes masked loads from address 0, which
  /// do nothing on a processor but end an emulated one.
  @inline(__always)
  func spread<Number: LayerNumber>(
    _ target: UnsafeMutablePointer<Number>, of source: UnsafeMutablePointer<Number>?,
    else filler: Number, _ value: (Int, Number) -> Number
  ) {
    if let source {
      spread(target) { channel in value(channel, source[channel]) }
    } else {
      spread(target) { channel in value(channel, filler) }
    }
  }

  /// Adds up the places of each channel: the sum of channel c is then the c-th.
  @inline(__always)
  func gather(_ target: UnsafeMutablePointer<Double>) {
    if isPaired { putInOrder(target) }
    for copy in 1..<max(fold, 1) {
      let from = target + copy &* channels
      for channel in 0..<channels { target[channel] += from[channel] }
    }
  }

  private func putInOrder(_ target: UnsafeMutablePointer<Double>) {
    for block in 0..<width / 32 {
      let pairs = target + 32 &* block
      let (evens, odds) = (Double.load16(pairs), Double.load16(pairs + 16))
      for lane in 0..<16 {
        pairs[2 &* lane] = evens[lane]
        pairs[2 &* lane &+ 1] = odds[lane]
      }
    }
  }
}

/// What is done with the vectors of a matrix.
protocol RowKernel {
  associatedtype Element: LayerElement

  /// The vector at `offset` elements from the matrix's beginning, and at place `lane` of its wide
  /// row. If `count` is below 16, only so many elements are there.
  func vector(_ offset: Int, _ lane: Int, _ count: Int)
  /// The same for thirty-two elements as two vectors of pairs.
  func pairs(_ offset: Int, _ lane: Int)
}

/// Sixteen elements, or the first `count` of them with `fill` in place of the others.
@inline(__always)
func load<Element: LayerElement>(
  _ source: UnsafePointer<Element>, _ count: Int, fill: SIMD16<Element.Number> = .zero
) -> SIMD16<Element.Number> {
  if count >= 16 { return Element.load16(source) }
  var lanes = fill
  for lane in 0..<max(count, 0) { lanes[lane] = source[lane].number }
  return lanes
}

/// Stores sixteen elements, or the first `count` of them.
@inline(__always)
func store<Element: LayerElement>(
  _ lanes: SIMD16<Element.Number>, _ target: UnsafeMutablePointer<Element>, _ count: Int
) {
  if count >= 16 {
    Element.store16(lanes, target)
  } else {
    for lane in 0..<max(count, 0) { target[lane] = Element(rounding: lanes[lane]) }
  }
}
