import SwiftOptShims

/// What layer norm and RMS norm have in common: each row is normalised on its own; RMS norm
/// takes its mean for 0.
struct RowNorm<Element: LayerElement> {
  typealias Number = Element.Number

  let rows: Int
  let features: Int
  let isCentred: Bool

  /// Asks for the forward pass's workspace: weight and bias in the order of pairs, if rows may be
  /// in pairs.
  static func planForward(_ plan: LayerPlan, rows: Int, features: Int) {
    let mayBePaired = rows > 0 && features & 31 == 0 && plan.valueBytes == 2
    plan.workspace(2, mayBePaired ? features : 0, plan.numberBytes)
  }

  /// Whether rows are whole pairs; not if there are none, for which no workspace was asked.
  @inline(__always)
  private var isPaired: Bool { Element.hasPairs && features & 31 == 0 && rows > 0 }

  /// y = (x - mean) · inverse · weight + bias, and mean and inverse if they are asked for.
  ///
  /// A row lies in the cache, so it is read again for the differences from the mean. What their
  /// sum isn't 0 by is what rounding has taken from the mean, and is put right in mean and
  /// variance (Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance",
  /// equation 1.7): so a mean that is large beside the deviation costs no digits. Lane by lane,
  /// features / 16 numbers are added up in turn.
  @inline(__always)
  func forward(
    _ x: UnsafePointer<Element>, _ weight: UnsafeMutablePointer<Number>?,
    _ bias: UnsafeMutablePointer<Number>?, _ y: UnsafeMutablePointer<Element>,
    _ meanOut: UnsafeMutablePointer<Number>?, _ inverseOut: UnsafeMutablePointer<Number>?,
    eps: Double, workspace: UnsafeMutableRawPointer
  ) {
    let lines = workspace.assumingMemoryBound(to: Number.self)
    let weight = inPairs(weight, lines)
    let bias = inPairs(bias, lines + features)
    parallelFor(rows, grain: grain) { begin, end, _ in
      for row in begin..<end {
        let (x, y) = (x + row &* features, y + row &* features)
        let (mean, variance) = moments(x)
        let origins = SIMD16(repeating: -mean)
        let inverse = Number(1 / (variance + eps).squareRoot())
        let inverses = SIMD16(repeating: inverse)
        if let meanOut { meanOut[row] = mean }
        if let inverseOut { inverseOut[row] = inverse }
        var lane = 0
        if isPaired {
          while lane < features {
            let (first, second) = Element.loadPairs32(x + lane)
            Element.storePairs32(
              scaled(normalised(first, origins, inverses), weight, bias, lane, 16),
              scaled(normalised(second, origins, inverses), weight, bias, lane &+ 16, 16),
              y + lane)
            lane &+= 32
          }
        }
        while lane < features {
          let count = features &- lane
          let x = normalised(load(x + lane, count), origins, inverses)
          store(scaled(x, weight, bias, lane, count), y + lane, count)
          lane &+= 16
        }
      }
    }
  }

  /// The numbers in the order of pairs, if rows are in pairs.
  @inline(__always)
  private func inPairs(
    _ numbers: UnsafeMutablePointer<Number>?, _ target: UnsafeMutablePointer<Number>
  ) -> UnsafeMutablePointer<Number>? {
    guard isPaired, let numbers else { return numbers }
    for feature in 0..<features {
      target[Element.pairLane(feature)] = numbers[feature].plainNaN
    }
    return target
  }

  @inline(__always)
  private func scaled(
    _ x: SIMD16<Number>, _ weight: UnsafeMutablePointer<Number>?,
    _ bias: UnsafeMutablePointer<Number>?, _ lane: Int, _ count: Int
  ) -> SIMD16<Number> {
    var result = x
    if let weight { result = Number.multiply16(result, load(weight + lane, count)) }
    if let bias { result = Number.add16(result, load(bias + lane, count)) }
    return result
  }

  /// With g = dy · weight and x̂ = (x - mean) · inverse,
  ///
  ///     dx = inverse · (g - mean(g) - x̂ mean(g x̂)),  dweight = Σ dy x̂,  dbias = Σ dy
  ///
  /// with the sums over rows; without mean(g) if not centred.
  @inline(__always)
  func backward(
    _ dy: UnsafePointer<Element>, _ x: UnsafePointer<Element>,
    _ weight: UnsafeMutablePointer<Number>?, _ mean: UnsafePointer<Number>?,
    _ inverse: UnsafePointer<Number>, _ dx: UnsafeMutablePointer<Element>,
    _ dweight: UnsafeMutablePointer<Number>?, _ dbias: UnsafeMutablePointer<Number>?,
    workspace: UnsafeMutableRawPointer
  ) {
    let layout = FoldedRows(
      rows: rows, channels: features, isFolded: false, hasPairs: Element.hasPairs)
    let sums = ColumnSums<Number>(layout: layout, memory: workspace)
    let weights = sums.line(0)
    layout.spread(weights, of: weight, else: 1) { _, weight in weight }
    parallelFor(layout.blocks, grain: 1) { begin, end, _ in
      for block in begin..<end {
        let partial = sums.partial(block)
        sums.sum(block) { first, last in
          for row in first..<last {
            let start = row &* features
            rowBackward(
              dy + start, x + start, weights, (mean?[row] ?? 0).plainNaN, inverse[row].plainNaN,
              dx + start,
              partial, partial + layout.lanes)
          }
        }
      }
    }
    sums.total()
    for feature in 0..<features {
      if let dbias { dbias[feature] = Number(sums.first(0)[feature]) }
      if let dweight { dweight[feature] = Number(sums.second(0)[feature]) }
    }
  }

  @inline(__always)
  private func rowBackward(
    _ dy: UnsafePointer<Element>, _ x: UnsafePointer<Element>, _ weights: UnsafePointer<Number>,
    _ mean: Number, _ inverse: Number, _ dx: UnsafeMutablePointer<Element>,
    _ gradients: UnsafeMutablePointer<Number>, _ products: UnsafeMutablePointer<Number>
  ) {
    let (means, inverses) = (SIMD16(repeating: mean), SIMD16(repeating: inverse))
    let origins = SIMD16(repeating: -mean)
    var sums = RowGradientSums<Number>(
      weights: weights, gradients: gradients, products: products)
    var lane = 0
    if isPaired {
      while lane < features {
        let (dy, x) = (Element.loadPairs32(dy + lane), Element.loadPairs32(x + lane))
        sums.add(dy.0, normalised(x.0, origins, inverses), lane)
        sums.add(dy.1, normalised(x.1, origins, inverses), lane &+ 16)
        lane &+= 32
      }
    }
    while lane < features {
      let count = features &- lane
      let x = load(x + lane, count, fill: means)
      sums.add(load(dy + lane, count), normalised(x, origins, inverses), lane)
      lane &+= 16
    }
    // Negative, so that they are added.
    let offset = SIMD16(repeating: isCentred ? -(sums.sum.treeSum * share) : 0)
    let slope = SIMD16(repeating: -(sums.product.treeSum * share))
    lane = 0
    if isPaired {
      while lane < features {
        let (dy, x) = (Element.loadPairs32(dy + lane), Element.loadPairs32(x + lane))
        let first = Number.multiply16(dy.0, Number.load16(weights + lane))
        let second = Number.multiply16(dy.1, Number.load16(weights + lane + 16))
        Element.storePairs32(
          gradient(first, normalised(x.0, origins, inverses), offset, slope, inverses),
          gradient(second, normalised(x.1, origins, inverses), offset, slope, inverses),
          dx + lane)
        lane &+= 32
      }
    }
    while lane < features {
      let count = features &- lane
      let g = Number.multiply16(load(dy + lane, count), Number.load16(weights + lane))
      let x = normalised(load(x + lane, count), origins, inverses)
      store(gradient(g, x, offset, slope, inverses), dx + lane, count)
      lane &+= 16
    }
  }

  @inline(__always)
  private func gradient(
    _ g: SIMD16<Number>, _ x: SIMD16<Number>, _ offset: SIMD16<Number>, _ slope: SIMD16<Number>,
    _ inverses: SIMD16<Number>
  ) -> SIMD16<Number> {
    Number.multiply16(Number.multiplyAdd16(x, slope, Number.add16(g, offset)), inverses)
  }

  // Operators of SIMD16 would be computed lane by lane here.

  @inline(__always)
  private func normalised(
    _ x: SIMD16<Number>, _ origins: SIMD16<Number>, _ inverses: SIMD16<Number>
  ) -> SIMD16<Number> {
    Number.multiply16(Number.add16(x, origins), inverses)
  }

  private var share: Number { 1 / Number(Double(features)) }

  private var grain: Int { max(1, 8192 / features) }

  /// Mean and variance of a row; 0 and the mean of the squares if not centred.
  @inline(__always)
  private func moments(_ x: UnsafePointer<Element>) -> (mean: Number, variance: Double) {
    let count = Double(features)
    if !isCentred { return (0, Double(sums(x, from: 0).squares) / count) }
    let rounded = sums(x, from: 0).plain * share
    let (sum, squares) = sums(x, from: rounded)
    let missing = Double(sum) / count
    let variance = Double(squares) / count - missing * missing
    return (rounded + Number(missing), variance < 0 ? 0 : variance)
  }

  /// The sums over a row of x - origin, and of its square.
  @inline(__always)
  private func sums(
    _ x: UnsafePointer<Element>, from origin: Number
  ) -> (plain: Number, squares: Number) {
    let origins = SIMD16(repeating: -origin)
    var (first, second) = (SIMD16<Number>(), SIMD16<Number>())
    var (firstSquares, secondSquares) = (SIMD16<Number>(), SIMD16<Number>())
    var lane = 0
    while lane &+ 32 <= features {
      let (v0, v1) = Element.loadPairs32(x + lane)
      let a = Number.add16(v0, origins)
      let b = Number.add16(v1, origins)
      first = Number.add16(first, a)
      second = Number.add16(second, b)
      firstSquares = Number.multiplyAdd16(a, a, firstSquares)
      secondSquares = Number.multiplyAdd16(b, b, secondSquares)
      lane &+= 32
    }
    while lane < features {
      let a = Number.add16(
        load(x + lane, features &- lane, fill: SIMD16(repeating: origin)), origins)
      first = Number.add16(first, a)
      firstSquares = Number.multiplyAdd16(a, a, firstSquares)
      lane &+= 16
    }
    return (
      Number.add16(first, second).treeSum, Number.add16(firstSquares, secondSquares).treeSum
    )
  }
}

/// What a row adds to the gradients of weight and bias, and the sums over it that its own gradient
/// needs.
private struct RowGradientSums<Number: LayerNumber> {
  let weights: UnsafePointer<Number>
  let gradients: UnsafeMutablePointer<Number>
  let products: UnsafeMutablePointer<Number>
  /// Of g and g x̂.
  var sum = SIMD16<Number>()
  var product = SIMD16<Number>()

  @inline(__always)
  mutating func add(_ dy: SIMD16<Number>, _ normalised: SIMD16<Number>, _ lane: Int) {
    let g = Number.multiply16(dy, Number.load16(weights + lane))
    sum = Number.add16(sum, g)
    product = Number.multiplyAdd16(g, normalised, product)
    add(dy, to: gradients + lane)
    add(Number.multiply16(dy, normalised), to: products + lane)
  }

  @inline(__always)
  private func add(_ numbers: SIMD16<Number>, to sums: UnsafeMutablePointer<Number>) {
    Number.store16(Number.add16(Number.load16(sums), numbers), sums)
  }
}
