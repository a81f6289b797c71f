import SwiftOptShims

// Rows end anywhere. What is left of one is computed in sixteen lanes like the rest, so that
// no element's bits depend on where in a row it stands.

/// `count` neighbours, of which sixteen or fewer are read, and `filler` in the lanes after them.
@inline(__always)
func loadLanes<Element: LayerElement>(
  _ source: UnsafePointer<Element>, _ count: Int, filler: Element.Number
) -> SIMD16<Element.Number> {
  count >= 16
    ? Element.load16(source) : Element.loadFirst16(source, count, filler: filler)
}

/// Writes the first `count` lanes, at most all.
@inline(__always)
func storeLanes<Element: LayerElement>(
  _ numbers: SIMD16<Element.Number>, _ target: UnsafeMutablePointer<Element>, _ count: Int
) {
  if count >= 16 {
    Element.store16(numbers, target)
  } else {
    Element.storeFirst16(numbers, target, count)
  }
}

/// A function of one number in each lane. In a loop of constant length over memory it becomes
/// vector instructions; lane by lane in a vector it would not.
@inline(__always)
func mapLanes<Number: LayerNumber>(
  _ numbers: SIMD16<Number>, _ spare: UnsafeMutablePointer<Number>, _ function: (Number) -> Number
) -> SIMD16<Number> {
  Number.store16(numbers, spare)
  for lane in 0..<16 { spare[lane] = function(spare[lane]) }
  return Number.load16(spare)
}

/// `count` rounded up to whole vectors.
@inline(__always)
func wholeLanes(_ count: Int) -> Int { (count &+ 15) & ~15 }

extension Float {
  @inline(__always)
  static func loadFirst16(
    _ source: UnsafePointer<Float>, _ count: Int, filler: Float
  ) -> SIMD16<Float> {
    so_load_first_float16(source, Int64(count), filler)
  }
  @inline(__always)
  static func storeFirst16(
    _ numbers: SIMD16<Float>, _ target: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    so_store_first_float16(numbers, target, Int64(count))
  }
  @inline(__always)
  static func greatest16(_ numbers: SIMD16<Float>) -> Float { so_greatest_lane_float16(numbers) }
}

extension Double {
  @inline(__always)
  static func loadFirst16(
    _ source: UnsafePointer<Double>, _ count: Int, filler: Double
  ) -> SIMD16<Double> {
    so_load_first_double16(source, Int64(count), filler)
  }
  @inline(__always)
  static func storeFirst16(
    _ numbers: SIMD16<Double>, _ target: UnsafeMutablePointer<Double>, _ count: Int
  ) {
    so_store_first_double16(numbers, target, Int64(count))
  }
  @inline(__always)
  static func greatest16(_ numbers: SIMD16<Double>) -> Double { so_greatest_lane_double16(numbers) }
}

extension BFloat16 {
  @inline(__always)
  static func loadFirst16(
    _ source: UnsafePointer<BFloat16>, _ count: Int, filler: Float
  ) -> SIMD16<Float> {
    so_load_first_bfloat16(
      UnsafeRawPointer(source).assumingMemoryBound(to: UInt16.self), Int64(count), filler)
  }
  @inline(__always)
  static func storeFirst16(
    _ numbers: SIMD16<Float>, _ target: UnsafeMutablePointer<BFloat16>, _ count: Int
  ) {
    so_store_first_bfloat16(
      numbers, UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt16.self), Int64(count))
  }
}
