// A row is long enough to pay for a call: functions of rows are compiled once for all layers.

/// The greatest of a row's elements; if some are not a number, that of the others.
@inline(never)
func greatest<Element: LayerElement>(
  _ row: UnsafePointer<Element>, _ count: Int
) -> Element.Number {
  var lanes = SIMD16<Element.Number>(repeating: -.infinity)
  var index = 0
  while index < count {
    let numbers = loadLanes(row + index, count &- index, filler: -.infinity)
    lanes = Element.Number.maximum16(numbers, lanes)
    index &+= 16
  }
  return Element.Number.greatest16(lanes)
}

/// Writes e^(x - greatest) of every element of a row and zeros up to whole vectors, and returns
/// the sum: of up to sixteen vectors in the number dtype, of those in float64. Subtracting the
/// greatest changes no quotient of two of them and keeps all within 0 ... 1.
@inline(never)
func exponentials<Element: LayerElement>(
  _ row: UnsafePointer<Element>, _ count: Int, minus greatest: Element.Number,
  into powers: UnsafeMutablePointer<Element.Number>
) -> Double {
  typealias Number = Element.Number
  var sums = SIMD16<Double>()
  var begin = 0
  while begin < count {
    var few = SIMD16<Number>()
    let end = count &- begin > 256 ? begin &+ 256 : count
    var index = begin
    while index < end {
      let target = powers + index
      let numbers = loadLanes(row + index, count &- index, filler: -.infinity)
      let results = mapLanes(numbers - greatest, target) { Number.fastExponential($0) }
      few += results
      index &+= 16
    }
    sums += Number.widened16(few)
    begin = end
  }
  return sums.treeSum
}

/// Σ a b: of up to sixteen vectors in the number dtype, of those in float64.
@inline(never)
func dotProduct<Element: LayerElement>(
  _ a: UnsafePointer<Element>, _ b: UnsafePointer<Element>, _ count: Int
) -> Double {
  typealias Number = Element.Number
  var sums = SIMD16<Double>()
  var index = 0
  while index < count {
    var few = SIMD16<Number>()
    let end = count &- index > 256 ? index &+ 256 : count
    while index < end {
      let left = count &- index
      few = Number.multiplyAdd16(
        loadLanes(a + index, left, filler: 0), loadLanes(b + index, left, filler: 0), few)
      index &+= 16
    }
    sums += Number.widened16(few)
  }
  return sums.treeSum
}
