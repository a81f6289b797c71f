/// One row of a depthwise pass's output, sixteen channels at a time.
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
  let isRectified: Bool
  let output: UnsafeMutablePointer<Element>
  let sums: ChannelSums

  /// Out of line: the build allows only functions of this type to fuse. `places` has
  /// thirty-two numbers for each place of the row.
  @inline(never)
  func run(
    _ rows: TapRows<Number>, _ ahead: Ahead<Element>, _ place: DepthwiseRow, share: Int,
    places: UnsafeMutablePointer<Number>
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
    let others = places + 16 &* pass.columns.target
    while lane < taken {
      addUp(rows, lane / 16, channel &+ lane, places)
      if isPaired { addUp(rows, lane / 16 &+ 1, channel &+ lane &+ 16, others) }
      for column in 0..<pass.columns.target {
        let target = target + (column &* pass.channels &+ lane)
        let sums = Four(Number.load16(places + 16 &* column))
        if isPaired {
          let others = Four(Number.load16(others + 16 &* column))
          finish(sums, others, 1, target, share, channel &+ lane)
        } else {
          finish(sums, 1, target, share, channel &+ lane, taken &- lane)
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
    return Ahead(target(of: place) + places &* pass.channels, places: places, place.taken, pass)
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
      let places = pass.columns.target &- column
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
          finish(sums, others, places, target + lane, share, first)
        } else {
          finish(sums, places, target + lane, share, first, taken &- lane)
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

  /// Stores the sums of up to four places, of which there are `places`, and of up to sixteen
  /// channels, of which there are `taken`.
  @inline(__always)
  private func finish(
    _ four: Four<Number>, _ places: Int, _ target: UnsafeMutablePointer<Element>,
    _ share: Int, _ channel: Int, _ taken: Int
  ) {
    let v = isRectified ? four.rectified : four
    if places > 3 && taken > 15 {
      Element.store16(v.s0, target)
      Element.store16(v.s1, target + pass.channels)
      Element.store16(v.s2, target + 2 &* pass.channels)
      Element.store16(v.s3, target + 3 &* pass.channels)
    } else {
      store(v.s0, target, first: taken)
      if places > 1 { store(v.s1, target + pass.channels, first: taken) }
      if places > 2 { store(v.s2, target + 2 &* pass.channels, first: taken) }
      if places > 3 { store(v.s3, target + 3 &* pass.channels, first: taken) }
    }
    guard sums.areWanted else { return }
    addUp(v.map(Element.rounded16), places, share, channel)
  }

  /// The same for the two vectors of pairs.
  @inline(__always)
  func finish(
    _ four: Four<Number>, _ others: Four<Number>, _ places: Int,
    _ target: UnsafeMutablePointer<Element>, _ share: Int, _ channel: Int
  ) {
    let (v, w) = isRectified ? (four.rectified, others.rectified) : (four, others)
    Element.storePairs32(v.s0, w.s0, target)
    if places > 3 {
      Element.storePairs32(v.s1, w.s1, target + pass.channels)
      Element.storePairs32(v.s2, w.s2, target + 2 &* pass.channels)
      Element.storePairs32(v.s3, w.s3, target + 3 &* pass.channels)
    } else {
      if places > 1 { Element.storePairs32(v.s1, w.s1, target + pass.channels) }
      if places > 2 { Element.storePairs32(v.s2, w.s2, target + 2 &* pass.channels) }
    }
    guard sums.areWanted else { return }
    addUp(v.map(Element.roundedPairs16), places, share, channel)
    addUp(w.map(Element.roundedPairs16), places, share, channel &+ 16)
  }

  @inline(__always)
  private func addUp(_ stored: Four<Number>, _ places: Int, _ share: Int, _ channel: Int) {
    let place = sums.place(share: share, channel: channel)
    var total = SixteenSums<Number>(place)
    if places > 3 {
      total.add(Element.self, stored.s0, stored.s1, stored.s2, stored.s3)
    } else {
      total.add(stored.s0)
      if places > 1 { total.add(stored.s1) }
      if places > 2 { total.add(stored.s2) }
    }
    total.store(place)
  }

  // ------------------------------------------------------------- any other size

  /// Adds up in `places`, sixteen channels of each place of the row.
  private func addUp(
    _ rows: TapRows<Number>, _ plane: Int, _ channel: Int,
    _ places: UnsafeMutablePointer<Number>
  ) {
    let bias = Number.load16(weight + (pass.taps &* pass.lanes &+ channel))
    for column in 0..<pass.columns.target { Number.store16(bias, places + 16 &* column) }
    for index in 0..<rows.count {
      let tapRow = rows.numbers[index]
      let values = rows.values[index] + plane &* pass.planeCount
      for tapColumn in 0..<pass.columns.kernel {
        let tap = tapRow &* pass.columns.kernel &+ tapColumn
        let factor = Number.load16(weight + (tap &* pass.lanes &+ channel))
        let begin = values + 16 &* tapColumn &* pass.columns.dilation
        for column in 0..<pass.columns.target {
          let sum = places + 16 &* column
          let value = Number.load16(begin + 16 &* column &* pass.columns.step)
          Number.store16(Number.fused16(factor, value, Number.load16(sum)), sum)
        }
      }
    }
  }
}

/// Sixteen channels of four places.
struct Four<Number: LayerNumber> {
  var s0, s1, s2, s3: SIMD16<Number>

  @inline(__always)
  init(_ all: SIMD16<Number>) { (s0, s1, s2, s3) = (all, all, all, all) }

  @inline(__always)
  func map(_ body: (SIMD16<Number>) -> SIMD16<Number>) -> Four {
    var result = self
    result.s0 = body(s0)
    result.s1 = body(s1)
    result.s2 = body(s2)
    result.s3 = body(s3)
    return result
  }

  /// The numbers, or 0 where they are below it; what is not a number stays.
  @inline(__always)
  var rectified: Four { map { Number.maximum16(.zero, $0) } }
}
