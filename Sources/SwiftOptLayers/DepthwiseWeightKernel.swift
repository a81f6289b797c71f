/// What one row of the output's gradient adds to the gradient of the weight.
struct DepthwiseWeightKernel<Element: LayerElement> {
  typealias Number = Element.Number

  let pass: DepthwisePass
  /// (taps + 1, lanes).
  let sums: UnsafeMutablePointer<Number>
  let hasBias: Bool
  /// Room for a row of the gradient, in planes of sixteen channels.
  let gradient: UnsafeMutablePointer<Number>
  /// `TapSums.bytes` bytes.
  let scratch: UnsafeMutableRawPointer

  /// Out of line: the build allows only functions of this type to fuse.
  @inline(never)
  func run(
    _ rows: TapRows<Number>, _ ahead: Ahead<Element>, _ place: DepthwiseRow,
    _ source: UnsafePointer<Element>
  ) {
    let (channel, taken) = (place.channel, place.taken)
    // Before it is read lane after lane: in the order in which it lies in memory.
    let places = pass.columns.target
    readPlanes(
      source, apart: pass.channels, places: places, count: taken, gradient, apart: 16,
      plane: 16 &* places, isPaired: pass.isPaired(Element.self))
    let isThreeWide = pass.columns.kernel == 3 && pass.columns.dilation == 1
    let behind = Ahead(
      source + places &* pass.channels, places: places, taken, pass,
      steps: (taken &+ 15) / 16)
    var lane = 0
    while lane < taken {
      ahead.fetch(step: lane / 16)
      behind.fetch(step: lane / 16)
      let plane = gradient + lane &* places
      let first = sums + (channel &+ lane)
      if !isThreeWide {
        anyWidth(rows, lane / 16, plane, first)
      } else if pass.columns.step == 1 {
        threeWide(rows, lane / 16, plane, first, isDense: true)
      } else {
        threeWide(rows, lane / 16, plane, first, isDense: false)
      }
      if hasBias { addBias(plane, first + pass.taps &* pass.lanes) }
      lane &+= 16
    }
  }

  /// Three neighbours at a time, four places of the gradient: what neighbouring windows share
  /// is loaded once. Two sums for each, as one would wait for itself.
  @inline(__always)
  private func threeWide(
    _ rows: TapRows<Number>, _ plane: Int, _ gradient: UnsafePointer<Number>,
    _ sums: UnsafeMutablePointer<Number>, isDense: Bool
  ) {
    let step = isDense ? 16 : 16 &* pass.columns.step
    let places = pass.columns.target
    for index in 0..<rows.count {
      let tapRow = rows.numbers[index]
      var value = rows.values[index] + plane &* pass.planeCount
      var (a0, a1, a2) = (SIMD16<Number>(), SIMD16<Number>(), SIMD16<Number>())
      var (b0, b1, b2) = (SIMD16<Number>(), SIMD16<Number>(), SIMD16<Number>())
      var factors = gradient
      for _ in 0..<places / 4 {
        for pair in 0..<2 {
          let first = value + 2 &* pair &* step
          let second = first + step
          let f = Number.load16(factors + 32 &* pair)
          let g = Number.load16(factors + (32 &* pair &+ 16))
          a0 = Number.fused16(f, Number.load16(first), a0)
          a1 = Number.fused16(f, Number.load16(first + 16), a1)
          a2 = Number.fused16(f, Number.load16(first + 32), a2)
          b0 = Number.fused16(g, Number.load16(second), b0)
          b1 = Number.fused16(g, Number.load16(second + 16), b1)
          b2 = Number.fused16(g, Number.load16(second + 32), b2)
        }
        factors += 64
        value += 4 &* step
      }
      for _ in 0..<places & 3 {
        let f = Number.load16(factors)
        a0 = Number.fused16(f, Number.load16(value), a0)
        a1 = Number.fused16(f, Number.load16(value + 16), a1)
        a2 = Number.fused16(f, Number.load16(value + 32), a2)
        factors += 16
        value += step
      }
      let target = sums + 3 &* tapRow &* pass.lanes
      add(Number.add16(a0, b0), target)
      add(Number.add16(a1, b1), target + pass.lanes)
      add(Number.add16(a2, b2), target + 2 &* pass.lanes)
    }
  }

  @inline(__always)
  private func add(_ numbers: SIMD16<Number>, _ sums: UnsafeMutablePointer<Number>) {
    Number.store16(Number.add16(Number.load16(sums), numbers), sums)
  }

  private func anyWidth(
    _ rows: TapRows<Number>, _ plane: Int, _ gradient: UnsafePointer<Number>,
    _ sums: UnsafeMutablePointer<Number>
  ) {
    var nine = TapSums<Number>(scratch)
    let step = 16 &* pass.columns.step
    let places = pass.columns.target
    for index in 0..<rows.count {
      let tapRow = rows.numbers[index]
      let values = rows.values[index] + plane &* pass.planeCount
      for tapColumn in 0..<pass.columns.kernel {
        let tap = tapRow &* pass.columns.kernel &+ tapColumn
        let begin = values + 16 &* tapColumn &* pass.columns.dilation
        if nine.append(begin, sums + tap &* pass.lanes) {
          nine.add(
            places: places, step: step, gradient: { Number.load16(gradient + 16 &* $0) },
            value: Number.load16)
        }
      }
    }
    nine.add(
      places: places, step: step, gradient: { Number.load16(gradient + 16 &* $0) },
      value: Number.load16)
  }

  private func addBias(_ gradient: UnsafePointer<Number>, _ sums: UnsafeMutablePointer<Number>) {
    var sum = SIMD16<Number>()
    for place in 0..<pass.columns.target {
      sum = Number.add16(sum, Number.load16(gradient + 16 &* place))
    }
    add(sum, sums)
  }
}
