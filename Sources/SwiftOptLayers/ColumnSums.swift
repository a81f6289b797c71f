import SwiftOptShims

/// Two sums for each channel of a matrix, block by block.
///
/// Up to 32 wide rows are summed in the numbers that values are computed in, and from there on
/// in float64, so that rounding errors don't grow with the number of rows: at most 32 additions
/// in float32 are in any of them.
struct ColumnSums<Number: LayerNumber> {
  let layout: FoldedRows
  let memory: UnsafeMutableRawPointer

  /// The two sums of block `block`, for each place of a wide row.
  func first(_ block: Int) -> UnsafeMutablePointer<Double> {
    memory.assumingMemoryBound(to: Double.self) + block &* 2 &* layout.lanes
  }
  func second(_ block: Int) -> UnsafeMutablePointer<Double> { first(block) + layout.lanes }

  /// What a kernel adds to: `lanes` numbers for either sum.
  func partial(_ block: Int) -> UnsafeMutablePointer<Number> {
    (memory + 16 &* layout.blocks &* layout.lanes).assumingMemoryBound(to: Number.self)
      + block &* 4 &* layout.lanes
  }

  /// Twice `lanes` numbers that `sum` leaves alone.
  func origin(_ block: Int) -> UnsafeMutablePointer<Number> { partial(block) + 2 &* layout.lanes }

  /// Line `number` of those that the plan asked for: `lanes` numbers beside the sums.
  func line(_ number: Int) -> UnsafeMutablePointer<Number> {
    partial(layout.blocks) + number &* layout.lanes
  }

  /// Sums up block `block` with what adds rows `begin` ..< `end` to `partial(block)`; the sums of
  /// channel c are then the c-th.
  @inline(__always)
  func sum(_ block: Int, _ addRows: (_ begin: Int, _ end: Int) -> Void) {
    let lanes = layout.lanes
    let (begin, end) = layout.rows(of: block)
    let (sums, partial) = (first(block), partial(block))
    for lane in 0..<2 &* lanes {
      sums[lane] = 0
      partial[lane] = 0
    }
    var row = begin
    while row < end {
      addRows(row, min(end, row &+ 32))
      var lane = 0
      while lane < 2 &* lanes {
        let wide = Double.load16(sums + lane) + Number.widened16(Number.load16(partial + lane))
        Double.store16(wide, sums + lane)
        Number.store16(.zero, partial + lane)
        lane &+= 16
      }
      row &+= 32
    }
    layout.gather(sums)
    layout.gather(sums + lanes)
  }

  /// Adds up the sums of all blocks, in their order, in those of the first.
  func total() {
    for block in 1..<max(layout.blocks, 1) {
      for lane in 0..<2 &* layout.lanes { first(0)[lane] += first(block)[lane] }
    }
  }
}

extension LayerPlan {
  /// Asks for the workspace of column sums and of lines beside them.
  func columnSums(_ rows: Int, _ channels: Int, lines: Int, isFolded: Bool = true) {
    guard raw.pointee.fault == nil else { return }
    let layout = FoldedRows(rows: rows, channels: channels, isFolded: isFolded)
    let sums = product(layout.blocks, layout.lanes, 16 &+ 4 &* numberBytes)
    workspace(sums &+ product(lines, layout.lanes, numberBytes))
  }
}
