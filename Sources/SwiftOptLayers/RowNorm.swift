import SwiftOptShims

/// What layer norm and RMS norm have in common: each row is normalised on its own; RMS norm
/// takes its mean for 0.
struct RowNorm<Element: LayerElement> {
  typealias Number = Element.Number

  let rows: Int
  let features: Int
  let isCentred: Bool

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
    eps: Double
  ) {
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
        while lane < features {
          let count = features &- lane
          var result = normalised(load(x + lane, count), origins, inverses)
          if let weight { result = Number.multiply16(result, load(weight + lane, count)) }
          if let bias { result = Number.add16(result, load(bias + lane, count)) }
          store(result, y + lane, count)
          lane &+= 16
        }
      }
    }
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
    let layout = FoldedRows(rows: rows, channels: features, isFolded: false)
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
              dy + start, x + start, weights, mean?[row] ?? 0, inverse[row], dx + start,
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
    var (sum, product) = (SIMD16<Number>(), SIMD16<Number>())
    var lane = 0
    while lane < features {
      let count = features &- lane
      let dy = load(dy + lane, count)
      let normalised = normalised(load(x + lane, count, fill: means), origins, inverses)
      let g = Number.multiply16(dy, Number.load16(weights + lane))
      sum = Number.add16(sum, g)
      product = Number.multiplyAdd16(g, normalised, product)
      add(dy, to: gradients + lane)
      add(Number.multiply16(dy, normalised), to: products + lane)
      lane &+= 16
    }
    // Negative, so that they are added.
    let offset = SIMD16(repeating: isCentred ? -(sum.treeSum * share) : 0)
    let slope = SIMD16(repeating: -(product.treeSum * share))
    lane = 0
    while lane < features {
      let count = features &- lane
      let g = Number.multiply16(load(dy + lane, count), Number.load16(weights + lane))
      let normalised = normalised(load(x + lane, count), origins, inverses)
      let rest = Number.multiplyAdd16(normalised, slope, Number.add16(g, offset))
      store(Number.multiply16(rest, inverses), dx + lane, count)
      lane &+= 16
    }
  }

  // Operators of SIMD16 would be computed lane by lane here.

  @inline(__always)
  private func normalised(
    _ x: SIMD16<Number>, _ origins: SIMD16<Number>, _ inverses: SIMD16<Number>
  ) -> SIMD16<Number> {
    Number.multiply16(Number.add16(x, origins), inverses)
  }

  @inline(__always)
  private func add(_ numbers: SIMD16<Number>, to sums: UnsafeMutablePointer<Number>) {
    Number.store16(Number.add16(Number.load16(sums), numbers), sums)
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
      let a = Number.add16(Element.load16(x + lane), origins)
      let b = Number.add16(Element.load16(x + lane + 16), origins)
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
