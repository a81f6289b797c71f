import SwiftOptShims

/// Mean and variance of each channel.
///
/// Before 32 rows are summed and squared, the mean of the 32 rows above is subtracted, or in a
/// block's first ones that of the first 8, so that a mean that is large beside the deviation
/// costs no digits, and neither does one that drifts; the sums are then moved to the block's
/// first shift in float64. Blocks are combined pairwise (Chan, Golub & LeVeque 1983, "Algorithms
/// for computing the sample variance", equation 2.1).
extension ColumnSums {
  /// Leaves the means in `first(0)` and the sums of squared deviations in `second(0)`.
  @inline(__always)
  func moments<Element: LayerElement>(of x: UnsafePointer<Element>)
  where Element.Number == Number {
    parallelFor(layout.blocks, grain: 1) { begin, end, _ in
      for block in begin..<end { blockMoments(block, x) }
    }
    var total = Double(layout.count(of: 0))
    let (mean, deviation) = (first(0), second(0))
    for block in 1..<max(layout.blocks, 1) {
      let count = Double(layout.count(of: block))
      let (share, weight) = (count / (total + count), total * count / (total + count))
      total += count
      let (blockMean, blockDeviation) = (first(block), second(block))
      for channel in 0..<layout.channels {
        let difference = blockMean[channel] - mean[channel]
        mean[channel] += difference * share
        deviation[channel] += blockDeviation[channel] + difference * difference * weight
      }
    }
  }

  @inline(__always)
  private func blockMoments<Element: LayerElement>(
    _ block: Int, _ x: UnsafePointer<Element>
  ) where Element.Number == Number {
    let (channels, lanes, width) = (layout.channels, layout.lanes, layout.width)
    let (begin, end) = layout.rows(of: block)
    let (sums, squares) = (first(block), second(block))
    let (partial, origin) = (partial(block), origin(block))
    let shift = origin + lanes
    for lane in 0..<2 &* lanes {
      sums[lane] = 0
      partial[lane] = 0
    }
    let probed = min(layout.count(of: block), 8)
    layout.spread(origin) { channel in
      var sum: Number = 0
      for row in 0..<probed { sum += x[begin &* width &+ row &* channels &+ channel].number }
      return sum / Number(Double(probed))
    }
    for lane in 0..<lanes { shift[lane] = origin[lane] }
    let kernel = MomentKernel(x: x, shift: shift, lanes: lanes, partial: partial)
    var row = begin
    while row < end {
      let last = min(end, row &+ 32)
      layout.visit(kernel, row, last)
      let rows = Double(last &- row)
      // An incomplete row, the last one of all, has less than the others.
      let missing = last > layout.complete ? layout.rest : width
      let present = row < layout.complete ? width : layout.rest
      for lane in 0..<present {
        let count = lane < missing ? rows : rows - 1
        let moved = Double(shift[lane]) - Double(origin[lane])
        let (sum, square) = (Double(partial[lane]), Double(partial[lanes &+ lane]))
        sums[lane] += sum + count * moved
        squares[lane] += square + moved * (2 * sum + count * moved)
        shift[lane] = Number(Double(shift[lane]) + sum / rows)
        partial[lane] = 0
        partial[lanes &+ lane] = 0
      }
      row = last
    }
    layout.gather(sums)
    layout.gather(squares)
    let share = 1 / Double(layout.count(of: block))
    for channel in 0..<channels {
      let offset = sums[channel] * share
      let deviation = squares[channel] - sums[channel] * offset
      sums[channel] = Double(origin[layout.lane(of: channel)]) + offset
      squares[channel] = deviation < 0 ? 0 : deviation
    }
  }
}

/// Sums of x - shift, and of its square.
private struct MomentKernel<Element: LayerElement>: RowKernel {
  typealias Number = Element.Number

  let x: UnsafePointer<Element>
  let shift: UnsafePointer<Number>
  let lanes: Int
  let partial: UnsafeMutablePointer<Number>

  @inline(__always)
  func vector(_ offset: Int, _ lane: Int, _ count: Int) {
    let shift = Number.load16(shift + lane)
    add(load(x + offset, count, fill: shift) - shift, lane)
  }

  @inline(__always)
  func pairs(_ offset: Int, _ lane: Int) {
    let (first, second) = Element.loadPairs32(x + offset)
    add(first - Number.load16(shift + lane), lane)
    add(second - Number.load16(shift + lane + 16), lane &+ 16)
  }

  @inline(__always)
  private func add(_ a: SIMD16<Number>, _ lane: Int) {
    let (sums, squares) = (partial + lane, partial + lanes + lane)
    Number.store16(Number.load16(sums) + a, sums)
    Number.store16(Number.load16(squares) + a * a, squares)
  }
}
