/// One row of a depthwise pass's output, sixteen channels at a time.
///
/// With a kernel of three columns, four places are made together, so that what neighbouring
/// windows share is loaded once; and all channels of these four before the next four, in the
/// order in which the output lies in memory. Rows of zeros are left out.
struct DepthwiseKernel<Element: LayerElement> {
  typealias Number = Element.Number

  let pass: DepthwisePass
  /// (taps, lanes).
  let weight: UnsafePointer<Number>
  let bias: UnsafePointer<Number>?
  let isRectified: Bool
  let output: UnsafeMutablePointer<Element>
  let sums: ChannelSums

  /// Out of line: the build allows only functions of this type to fuse. `places` has sixteen
  /// numbers for each place of the row, `scratch` the bytes of `TapRows`.
  @inline(never)
  func run(
    _ padded: PaddedRows<Element>, _ ahead: Ahead<Element>, share: Int, image: Int, row: Int,
    channel: Int,
    taken: Int, places: UnsafeMutablePointer<Number>, _ scratch: UnsafeMutableRawPointer
  ) {
    let target =
      output
      + ((image &* pass.rows.target &+ row) &* pass.columns.target &* pass.channels
        &+ channel)
    if TapRows<Number>.cover(pass) {
      let rows = TapRows<Number>(pass, padded, weight, scratch)
      if pass.columns.step == 1 {
        inFours(rows, ahead, isDense: true, target, share, channel, taken)
      } else {
        inFours(rows, ahead, isDense: false, target, share, channel, taken)
      }
      return
    }
    var lane = 0
    while lane < taken {
      addUp(padded, lane / 16, channel &+ lane, taken &- lane, places)
      for column in 0..<pass.columns.target {
        let sum = Number.load16(places + 16 &* column)
        finish(
          sum, sum, sum, sum, 1, target + (column &* pass.channels &+ lane), share,
          channel &+ lane, taken &- lane)
      }
      lane &+= 16
    }
  }

  // ------------------------------------------------------------- three columns

  @inline(__always)
  private func inFours(
    _ rows: TapRows<Number>, _ ahead: Ahead<Element>, isDense: Bool,
    _ target: UnsafeMutablePointer<Element>,
    _ share: Int, _ channel: Int, _ taken: Int
  ) {
    let plane = pass.planeCount
    let parts = (pass.columns.target &+ 3) / 4
    let behind = Ahead(
      target + pass.columns.target &* pass.channels, places: pass.columns.target, taken, pass)
    var column = 0
    while column < pass.columns.target {
      let places = pass.columns.target &- column
      let target = target + column &* pass.channels
      var offset = 16 &* column &* pass.columns.step
      ahead.fetch(column / 4, of: parts)
      behind.fetch(column / 4, of: parts)
      var lane = 0
      while lane < taken {
        let first = channel &+ lane
        let bias = bias.map { load($0 + first, first: taken &- lane) } ?? .zero
        four(
          rows, isDense: isDense, offset, bias, places, target + lane, share, first,
          taken &- lane)
        offset &+= plane
        lane &+= 16
      }
      column &+= 4
    }
  }

  @inline(__always)
  private func four(
    _ rows: TapRows<Number>, isDense: Bool, _ offset: Int, _ bias: SIMD16<Number>,
    _ places: Int, _ target: UnsafeMutablePointer<Element>, _ share: Int, _ channel: Int,
    _ taken: Int
  ) {
    let step = isDense ? 16 : 16 &* pass.columns.step
    var (s0, s1, s2, s3) = (bias, bias, bias, bias)
    for index in 0..<rows.count {
      let values = rows.values[index] + offset
      let factors = rows.weights[index] + channel
      for tap in 0..<3 {
        let factor = Number.load16(factors + tap &* pass.lanes)
        let value = values + 16 &* tap
        s0 = Number.fused16(factor, Number.load16(value), s0)
        s1 = Number.fused16(factor, Number.load16(value + step), s1)
        s2 = Number.fused16(factor, Number.load16(value + 2 &* step), s2)
        s3 = Number.fused16(factor, Number.load16(value + 3 &* step), s3)
      }
    }
    finish(s0, s1, s2, s3, places, target, share, channel, taken)
  }

  /// Stores the sums of up to four places, of which there are `places`, and of up to sixteen
  /// channels, of which there are `taken`.
  @inline(__always)
  private func finish(
    _ s0: SIMD16<Number>, _ s1: SIMD16<Number>, _ s2: SIMD16<Number>, _ s3: SIMD16<Number>,
    _ places: Int, _ target: UnsafeMutablePointer<Element>, _ share: Int, _ channel: Int,
    _ taken: Int
  ) {
    let floor = SIMD16<Number>(repeating: isRectified ? 0 : -.infinity)
    let v0 = Number.maximum16(floor, s0)
    let v1 = Number.maximum16(floor, s1)
    let v2 = Number.maximum16(floor, s2)
    let v3 = Number.maximum16(floor, s3)
    if places > 3 && taken > 15 {
      Element.store16(v0, target)
      Element.store16(v1, target + pass.channels)
      Element.store16(v2, target + 2 &* pass.channels)
      Element.store16(v3, target + 3 &* pass.channels)
    } else {
      store(v0, target, first: taken)
      if places > 1 { store(v1, target + pass.channels, first: taken) }
      if places > 2 { store(v2, target + 2 &* pass.channels, first: taken) }
      if places > 3 { store(v3, target + 3 &* pass.channels, first: taken) }
    }
    guard sums.areWanted else { return }
    let place = sums.place(share: share, channel: channel)
    var total = SixteenSums<Number>(place)
    total.add(Element.rounded16(v0))
    if places > 1 { total.add(Element.rounded16(v1)) }
    if places > 2 { total.add(Element.rounded16(v2)) }
    if places > 3 { total.add(Element.rounded16(v3)) }
    total.store(place)
  }

  // ------------------------------------------------------------- any other size

  /// Adds up in `places`, sixteen channels of each place of the row.
  private func addUp(
    _ padded: PaddedRows<Element>, _ plane: Int, _ channel: Int, _ taken: Int,
    _ places: UnsafeMutablePointer<Number>
  ) {
    let bias = bias.map { load($0 + channel, first: taken) } ?? .zero
    for column in 0..<pass.columns.target { Number.store16(bias, places + 16 &* column) }
    for tapRow in 0..<pass.rows.kernel {
      guard let values = padded.row(tapRow &* pass.rows.dilation, plane: plane) else { continue }
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

/// The rows of a kernel of three columns that don't meet zeros alone: where each begins to read
/// in the first plane, and its weights.
struct TapRows<Number: LayerNumber> {
  let values: UnsafeMutablePointer<UnsafePointer<Number>>
  let weights: UnsafeMutablePointer<UnsafePointer<Number>>
  private(set) var count = 0

  static var bytes: Int { 256 }

  /// Whether there are few enough rows, of three neighbours each.
  @inline(__always)
  static func cover(_ pass: DepthwisePass) -> Bool {
    pass.rows.kernel <= 16 && pass.columns.kernel == 3 && pass.columns.dilation == 1
  }

  /// `memory` has `bytes` bytes.
  @inline(__always)
  init<Element: LayerElement>(
    _ pass: DepthwisePass, _ padded: PaddedRows<Element>, _ weight: UnsafePointer<Number>,
    _ memory: UnsafeMutableRawPointer
  ) where Element.Number == Number {
    values = memory.assumingMemoryBound(to: UnsafePointer<Number>.self)
    weights = (memory + 128).assumingMemoryBound(to: UnsafePointer<Number>.self)
    for tapRow in 0..<pass.rows.kernel {
      guard let row = padded.row(tapRow &* pass.rows.dilation) else { continue }
      values[count] = row
      weights[count] = weight + 3 &* tapRow &* pass.lanes
      count &+= 1
    }
  }
}
