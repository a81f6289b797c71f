/// The same row of output from pairs as they lie in memory, without a copy of them in padded rows:
/// for kernels of three columns. They widen so quickly that reading a value for each row of
/// the kernel that meets it takes less time than writing it once more and reading that.
extension DepthwiseKernel {
  /// Whether it is for this pass: not if there are zeros between the image's places.
  @inline(__always)
  var readsPairs: Bool {
    pass.isPaired(Element.self) && pass.columns.kernel == 3 && pass.columns.dilation == 1
      && pass.columns.stuffing == 1
  }

  /// Out of line: the build allows only functions of this type to fuse.
  @inline(never)
  func runPairs(
    _ rows: TapRows<Element>, _ ahead: Ahead<Element>, _ place: DepthwiseRow, share: Int
  ) {
    if pass.columns.step == 1 {
      runPairs(rows, ahead, place, share, isDense: true)
    } else {
      runPairs(rows, ahead, place, share, isDense: false)
    }
  }

  @inline(__always)
  private func runPairs(
    _ rows: TapRows<Element>, _ ahead: Ahead<Element>, _ place: DepthwiseRow, _ share: Int,
    isDense: Bool
  ) {
    let target = target(of: place)
    let (columns, behind) = (pass.columns, behind(place))
    let reach = 3 &* columns.step &+ 2
    var column = 0
    while column < columns.target {
      ahead.fetch(step: column / 4)
      behind.fetch(step: column / 4)
      let first = column &* columns.step &- columns.padding
      let isInside = first >= 0 && first &+ reach < columns.source
      var lane = 0
      while lane < place.taken {
        let channel = place.channel &+ lane
        let (sums, others) =
          isInside
          ? eight(rows, first, lane, channel, isDense: isDense, isInside: true)
          : eight(rows, first, lane, channel, isDense: isDense, isInside: false)
        places.writePairs(
          sums, others, columns.target &- column, target + (column &* pass.channels &+ lane),
          share, channel)
        lane &+= 32
      }
      column &+= 4
    }
  }

  /// Thirty-two channels of four places, whose first window begins at column `first` of the
  /// image.
  @inline(__always)
  private func eight(
    _ rows: TapRows<Element>, _ first: Int, _ lane: Int, _ channel: Int, isDense: Bool,
    isInside: Bool
  ) -> (Four<Number>, Four<Number>) {
    let step = isDense ? 1 : pass.columns.step
    let biases = weight + (pass.taps &* pass.lanes &+ channel)
    var (sums, others) = (Four(Number.load16(biases)), Four(Number.load16(biases + 16)))
    for index in 0..<rows.count {
      let row = rows.values[index] + lane
      let factors = weight + (3 &* rows.numbers[index] &* pass.lanes &+ channel)
      for tap in 0..<3 {
        let factor = Number.load16(factors + tap &* pass.lanes)
        let next = Number.load16(factors + (tap &* pass.lanes &+ 16))
        let column = first &+ tap
        let (a0, b0) = pairs(row, column, isInside)
        let (a1, b1) = pairs(row, column &+ step, isInside)
        let (a2, b2) = pairs(row, column &+ 2 &* step, isInside)
        let (a3, b3) = pairs(row, column &+ 3 &* step, isInside)
        sums.s0 = Number.fused16(factor, a0, sums.s0)
        sums.s1 = Number.fused16(factor, a1, sums.s1)
        sums.s2 = Number.fused16(factor, a2, sums.s2)
        sums.s3 = Number.fused16(factor, a3, sums.s3)
        others.s0 = Number.fused16(next, b0, others.s0)
        others.s1 = Number.fused16(next, b1, others.s1)
        others.s2 = Number.fused16(next, b2, others.s2)
        others.s3 = Number.fused16(next, b3, others.s3)
      }
    }
    return (sums, others)
  }

  /// The pairs of a column of the image, or zeros beside it: without a branch, which would keep
  /// what neighbouring windows share from being read once.
  @inline(__always)
  private func pairs(
    _ row: UnsafePointer<Element>, _ column: Int, _ isInside: Bool
  ) -> (SIMD16<Number>, SIMD16<Number>) {
    let isThere = isInside || (column >= 0 && column < pass.columns.source)
    return Element.loadPairs32(isThere ? row + column &* pass.channels : zeros)
  }
}
