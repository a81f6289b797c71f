/// One row of a depthwise pass's output, sixteen channels at a time, or a pair of sixteen.
///
/// With a kernel of three columns, four places are made together, so that what neighbouring
/// windows share is loaded once; and all channels of these four before the next four, in the
/// order in which the output lies in memory. Rows of zeros are left out. Pairs are finished
/// when the sums of both their vectors are there.
struct DepthwiseKernel<Element: LayerElement> {
  typealias Number = Element.Number

  let pass: DepthwisePass
  /// (taps + 1, lanes): the last row is the bias.
  let weight: UnsafePointer<Number>
  /// Thirty-two of them.
  let zeros: UnsafePointer<Element>
  let output: UnsafeMutablePointer<Element>
  let places: PlaceOutput<Element>

  /// Out of line: the build allows only functions of this type to fuse. `rowSums` has
  /// thirty-two numbers for each place of the row.
  @inline(never)
  func run(
    _ rows: TapRows<Number>, _ ahead: Ahead<Element>, _ place: DepthwiseRow, share: Int,
    rowSums: UnsafeMutablePointer<Number>
  ) {
    if pass.columns.kernel == 3 && pass.columns.dilation == 1 {
      if pass.columns.step == 1 {
        inFours(rows, ahead, place, share, isDense: true)
      } else {
        inFours(rows, ahead, place, share, isDense: false)
      }
      return
    }
    let (channel, taken) = (place.channel, place.taken)
    let target = target(of: place)
    var lane = 0
    let otherSums = rowSums + 16 &* pass.columns.target
    while lane < taken {
      addUp(rows, lane / 16, channel &+ lane, rowSums)
      if isPaired { addUp(rows, lane / 16 &+ 1, channel &+ lane &+ 16, otherSums) }
      for column in 0..<pass.columns.target {
        let target = target + (column &* pass.channels &+ lane)
        let sums = Four(Number.load16(rowSums + 16 &* column))
        if isPaired {
          let others = Four(Number.load16(otherSums + 16 &* column))
          places.writePairs(sums, others, 1, target, share, channel &+ lane)
        } else {
          places.write(sums, 1, target, share, channel &+ lane, taken &- lane)
        }
      }
      lane &+= isPaired ? 32 : 16
    }
  }

  @inline(__always)
  func target(of place: DepthwiseRow) -> UnsafeMutablePointer<Element> {
    output
      + ((place.image &* pass.rows.target &+ place.row) &* pass.columns.target &* pass.channels
        &+ place.channel)
  }

  /// The row of the output that follows.
  @inline(__always)
  func behind(_ place: DepthwiseRow) -> Ahead<Element> {
    let places = pass.columns.target
    return Ahead(
      target(of: place) + places &* pass.channels, places: places, place.taken, pass,
      steps: pass.fours)
  }

  @inline(__always)
  private var isPaired: Bool { pass.isPaired(Element.self) }

  // ------------------------------------------------------------- three columns

  @inline(__always)
  private func inFours(
    _ rows: TapRows<Number>, _ ahead: Ahead<Element>, _ place: DepthwiseRow, _ share: Int,
    isDense: Bool
  ) {
    let plane = pass.planeCount
    let (target, behind) = (target(of: place), behind(place))
    let (channel, taken) = (place.channel, place.taken)
    var column = 0
    while column < pass.columns.target {
      let left = pass.columns.target &- column
      let target = target + column &* pass.channels
      var offset = 16 &* column &* pass.columns.step
      ahead.fetch(step: column / 4)
      behind.fetch(step: column / 4)
      var lane = 0
      while lane < taken {
        let first = channel &+ lane
        let sums = four(rows, isDense: isDense, offset, first)
        offset &+= plane
        if isPaired {
          let others = four(rows, isDense: isDense, offset, first &+ 16)
          offset &+= plane
          places.writePairs(sums, others, left, target + lane, share, first)
        } else {
          places.write(sums, left, target + lane, share, first, taken &- lane)
        }
        lane &+= isPaired ? 32 : 16
      }
      column &+= 4
    }
  }

  @inline(__always)
  private func four(
    _ rows: TapRows<Number>, isDense: Bool, _ offset: Int, _ channel: Int
  ) -> Four<Number> {
    let step = isDense ? 16 : 16 &* pass.columns.step
    var sums = Four(Number.load16(weight + (pass.taps &* pass.lanes &+ channel)))
    for index in 0..<rows.count {
      let values = rows.values[index] + offset
      let factors = weight + (3 &* rows.numbers[index] &* pass.lanes &+ channel)
      for tap in 0..<3 {
        let factor = Number.load16(factors + tap &* pass.lanes)
        let value = values + 16 &* tap
        sums.s0 = Number.fused16(factor, Number.load16(value), sums.s0)
        sums.s1 = Number.fused16(factor, Number.load16(value + step), sums.s1)
        sums.s2 = Number.fused16(factor, Number.load16(value + 2 &* step), sums.s2)
        sums.s3 = Number.fused16(factor, Number.load16(value + 3 &* step), sums.s3)
      }
    }
    return sums
  }

  // ------------------------------------------------------------- any other size

  /// Adds up in `sums`, sixteen channels of each place of the row.
  private func addUp(
    _ rows: TapRows<Number>, _ plane: Int, _ channel: Int,
    _ sums: UnsafeMutablePointer<Number>
  ) {
    let bias = Number.load16(weight + (pass.taps &* pass.lanes &+ channel))
    for column in 0..<pass.columns.target { Number.store16(bias, sums + 16 &* column) }
    for index in 0..<rows.count {
      let tapRow = rows.numbers[index]
      let values = rows.values[index] + plane &* pass.planeCount
      for tapColumn in 0..<pass.columns.kernel {
        let tap = tapRow &* pass.columns.kernel &+ tapColumn
        let factor = Number.load16(weight + (tap &* pass.lanes &+ channel))
        let begin = values + 16 &* tapColumn &* pass.columns.dilation
        for column in 0..<pass.columns.target {
          let sum = sums + 16 &* column
          let value = Number.load16(begin + 16 &* column &* pass.columns.step)
          Number.store16(Number.fused16(factor, value, Number.load16(sum)), sum)
        }
      }
    }
  }
}
