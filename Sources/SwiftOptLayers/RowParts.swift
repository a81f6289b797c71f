import SwiftOptMath

/// Up to sixteen neighbours of a row.
struct RowPart<Number: LayerNumber> {
  let row: Int
  /// Where in the row it begins.
  let first: Int
  /// How many elements of the row there are from there on.
  let left: Int
  let spare: UnsafeMutablePointer<Number>

  @inline(__always)
  func load<Element: LayerElement>(_ source: UnsafePointer<Element>) -> SIMD16<Number>
  where Element.Number == Number {
    loadLanes(source, left, filler: 0)
  }

  @inline(__always)
  func store<Element: LayerElement>(
    _ numbers: SIMD16<Number>, _ target: UnsafeMutablePointer<Element>
  ) where Element.Number == Number {
    storeLanes(numbers, target, left)
  }

  @inline(__always)
  func sigmoid(_ numbers: SIMD16<Number>) -> SIMD16<Number> {
    Number.store16(numbers, spare)
    applySigmoid(spare)
    return Number.load16(spare)
  }

  @inline(__always)
  func tanh(_ numbers: SIMD16<Number>) -> SIMD16<Number> {
    Number.store16(numbers, spare)
    applyTanh(spare)
    return Number.load16(spare)
  }
}

// Out of line: a cell has several of them, and each is long.

@inline(never)
private func applySigmoid<Number: LayerNumber>(_ numbers: UnsafeMutablePointer<Number>) {
  for lane in 0..<16 { numbers[lane] = Sigmoid.forward(numbers[lane]) }
}

@inline(never)
private func applyTanh<Number: LayerNumber>(_ numbers: UnsafeMutablePointer<Number>) {
  for lane in 0..<16 { numbers[lane] = Tanh.forward(numbers[lane]) }
}

/// Calls `body` for all parts of all rows, which are shared out over the threads.
@inline(__always)
func forEachPart<Number: LayerNumber>(
  rows: Int, size: Int, _ body: @escaping (RowPart<Number>) -> Void
) {
  parallelFor(rows, grain: 2048 / size &+ 1) { begin, end, scratch in
    let spare = scratch.assumingMemoryBound(to: Number.self)
    for row in begin..<end {
      var first = 0
      while first < size {
        body(RowPart(row: row, first: first, left: size &- first, spare: spare))
        first &+= 16
      }
    }
  }
}
