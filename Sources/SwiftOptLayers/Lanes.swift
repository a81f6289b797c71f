/// Reads of an array's sixteen elements only the first `count`; the others are 0.
@inline(__always)
func load<Element: LayerElement>(
  _ source: UnsafePointer<Element>, first count: Int
) -> SIMD16<Element.Number> {
  count >= 16 ? Element.load16(source) : loadFew(source, count)
}

@inline(never)
private func loadFew<Element: LayerElement>(
  _ source: UnsafePointer<Element>, _ count: Int
) -> SIMD16<Element.Number> {
  var numbers = SIMD16<Element.Number>(repeating: 0)
  for lane in 0..<count { numbers[lane] = source[lane].number }
  return numbers
}

/// Writes only the first `count` of sixteen.
@inline(__always)
func store<Element: LayerElement>(
  _ numbers: SIMD16<Element.Number>, _ target: UnsafeMutablePointer<Element>, first count: Int
) {
  if count >= 16 {
    Element.store16(numbers, target)
  } else {
    storeFew(numbers, target, count)
  }
}

/// Out of line: the lanes one by one would take the place of the loop that it is in.
@inline(never)
private func storeFew<Element: LayerElement>(
  _ numbers: SIMD16<Element.Number>, _ target: UnsafeMutablePointer<Element>, _ count: Int
) {
  for lane in 0..<count { target[lane] = Element(rounding: numbers[lane]) }
}
