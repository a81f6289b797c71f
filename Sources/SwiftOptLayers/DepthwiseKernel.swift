/// One row of a depthwise pass's output, sixteen channels at a time.
///
/// Of a kernel of three by three each row is added up by itself and then the three: one chain of
/// nine would be too long for the processor to overlap it with the next place's. Rows of zeros
/// are left out.
struct DepthwiseKernel<Element: LayerElement> {
  typealias Number = Element.Number

  let pass: DepthwisePass
  /// (taps, lanes).
  let weight: UnsafePointer<Number>
  let bias: UnsafePointer<Number>?
  let isRectified: Bool
  let output: UnsafeMutablePointer<Element>
  let sums: ChannelSums

  /// Out of line: the build allows only functions of this type to fuse.
  @inline(never)
  func run(
    _ padded: PaddedRows<Element>, share: Int, image: Int, row: Int, channel: Int,
    taken: Int, _ scratch: UnsafeMutablePointer<Number>
  ) {
    let start = output + (image &* pass.rows.target &+ row) &* pass.columns.target &* pass.channels
    let is3x3 = pass.rows.kernel == 3 && pass.columns.kernel == 3 && pass.columns.dilation == 1
    var lane = 0
    while lane < taken {
      let first = channel &+ lane
      let lanes = RowEnd(
        count: taken &- lane, bias: bias.map { load($0 + first, first: taken &- lane) } ?? .zero,
        target: start + first, sums: sums.areWanted ? sums.place(share: share, channel: first) : nil
      )
      if is3x3 {
        threeByThree(padded, lane / 16, weight + first, lanes)
      } else {
        general(padded, lane / 16, weight + first, lanes, scratch)
      }
      lane &+= 16
    }
  }

  /// What remains to be done for sixteen channels, and how many of them there are.
  private struct RowEnd {
    let count: Int
    let bias: SIMD16<Number>
    let target: UnsafeMutablePointer<Element>
    let sums: UnsafeMutablePointer<Double>?
  }

  /// `body` gives the sixteen sums of each of the row's places, which it begins with the bias.
  @inline(__always)
  private func finish(_ end: RowEnd, _ body: (Int) -> SIMD16<Number>) {
    let floor = SIMD16<Number>(repeating: isRectified ? 0 : -.infinity)
    if let place = end.sums {
      var sums = SixteenSums<Number>(place)
      for column in 0..<pass.columns.target {
        let value = Number.maximum16(floor, body(column))
        store(value, end.target + column &* pass.channels, first: end.count)
        sums.add(Element.rounded16(value))
      }
      sums.store(place)
    } else if end.count >= 16 {
      for column in 0..<pass.columns.target {
        Element.store16(
          Number.maximum16(floor, body(column)), end.target + column &* pass.channels)
      }
    } else {
      for column in 0..<pass.columns.target {
        store(
          Number.maximum16(floor, body(column)), end.target + column &* pass.channels,
          first: end.count)
      }
    }
  }

  // ------------------------------------------------------------ three by three

  @inline(__always)
  private func threeByThree(
    _ padded: PaddedRows<Element>, _ plane: Int, _ weight: UnsafePointer<Number>,
    _ end: RowEnd
  ) {
    let step = 16 &* pass.columns.step
    let width = 3 &* pass.lanes
    let bias = end.bias
    let top = padded.row(0, plane: plane)
    let middle = padded.row(pass.rows.dilation, plane: plane)
    let bottom = padded.row(2 &* pass.rows.dilation, plane: plane)
    if let top, let middle, let bottom {
      let a = ThreeTaps<Number>(weight, pass.lanes)
      let b = ThreeTaps<Number>(weight + width, pass.lanes)
      let c = ThreeTaps<Number>(weight + 2 &* width, pass.lanes)
      finish(end) { column in
        let place = column &* step
        let upper = Number.add16(a.add(top + place, to: bias), b.sum(middle + place))
        return Number.add16(upper, c.sum(bottom + place))
      }
    } else {
      // One or two of them.
      let (one, oneWeight) =
        top.map { ($0, weight) } ?? middle.map { ($0, weight + width) }
        ?? (bottom ?? UnsafePointer(padded.memory), weight + 2 &* width)
      let two = top == nil ? (middle == nil ? nil : bottom) : (middle ?? bottom)
      let twoWeight = top != nil && middle != nil ? weight + width : weight + 2 &* width
      let a = ThreeTaps<Number>(oneWeight, pass.lanes)
      if let two {
        let b = ThreeTaps<Number>(twoWeight, pass.lanes)
        finish(end) { column in
          let place = column &* step
          return Number.add16(a.add(one + place, to: bias), b.sum(two + place))
        }
      } else if top != nil || middle != nil || bottom != nil {
        finish(end) { a.add(one + $0 &* step, to: bias) }
      } else {
        finish(end) { _ in bias }
      }
    }
  }

  // ------------------------------------------------------------- any other size

  /// Adds up in `scratch`, sixteen numbers per place of the row.
  @inline(__always)
  private func general(
    _ padded: PaddedRows<Element>, _ plane: Int, _ weight: UnsafePointer<Number>,
    _ end: RowEnd, _ scratch: UnsafeMutablePointer<Number>
  ) {
    for column in 0..<pass.columns.target { Number.store16(end.bias, scratch + 16 &* column) }
    for tapRow in 0..<pass.rows.kernel {
      guard let values = padded.row(tapRow &* pass.rows.dilation, plane: plane) else { continue }
      for tapColumn in 0..<pass.columns.kernel {
        let tap = tapRow &* pass.columns.kernel &+ tapColumn
        let factor = Number.load16(weight + tap &* pass.lanes)
        let begin = values + 16 &* tapColumn &* pass.columns.dilation
        for column in 0..<pass.columns.target {
          let sum = scratch + 16 &* column
          let value = Number.load16(begin + 16 &* column &* pass.columns.step)
          Number.store16(Number.fused16(factor, value, Number.load16(sum)), sum)
        }
      }
    }
    finish(end) { Number.load16(scratch + 16 &* $0) }
  }
}

/// Three neighbours of a row, sixteen channels each, times their weights.
private struct ThreeTaps<Number: LayerNumber> {
  let first: SIMD16<Number>
  let second: SIMD16<Number>
  let third: SIMD16<Number>

  @inline(__always)
  init(_ weight: UnsafePointer<Number>, _ lanes: Int) {
    first = Number.load16(weight)
    second = Number.load16(weight + lanes)
    third = Number.load16(weight + 2 &* lanes)
  }

  @inline(__always)
  func add(_ values: UnsafePointer<Number>, to sum: SIMD16<Number>) -> SIMD16<Number> {
    others(values, Number.fused16(first, Number.load16(values), sum))
  }

  @inline(__always)
  func sum(_ values: UnsafePointer<Number>) -> SIMD16<Number> {
    others(values, Number.multiply16(first, Number.load16(values)))
  }

  @inline(__always)
  private func others(
    _ values: UnsafePointer<Number>, _ sum: SIMD16<Number>
  ) -> SIMD16<Number> {
    let two = Number.fused16(second, Number.load16(values + 16), sum)
    return Number.fused16(third, Number.load16(values + 32), two)
  }
}
