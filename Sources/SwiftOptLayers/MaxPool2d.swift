import CSwiftOpt
import SwiftOptShims

/// y[n, i, j, c] = max x[n, i · stride + k - padding, j · stride + l - padding, c] over the
/// kernel's places that are inside the image; what is not a number counts as the greatest. If
/// asked for, which place it was, as k · kernel_width + l: the first of equals.
enum MaxPool2d: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("max_pool2d")
    description.input("x")
    description.output("y")
    description.output("places", .index, optional: true)
    Window.describe(description, hasGroups: false, isDilated: false)
  }

  static func plan(_ plan: LayerPlan) {
    guard let loop = PoolLoop.checked(plan) else { return }
    loop.countInput(plan, 0)
    loop.countOutput(plan, 1)
    loop.countOutput(plan, 2)
    PlaceStore.check(plan, array: 2, loop)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let loop = PoolLoop { call.size($0) }
    let (x, y) = (call.values(0), call.values(1))
    let places = PlaceStore(call.data(2), call.dtype(2))
    let width = loop.window.columns.kernel
    loop.forEachOutput { image, row, column in
      let rows = loop.window.rows.inside(row)
      let columns = loop.window.columns.inside(column)
      let firstRow = row &* loop.window.rows.stride &- loop.window.rows.padding
      let firstColumn = column &* loop.window.columns.stride &- loop.window.columns.padding
      let target = loop.output(image, row, column)
      var channel = 0
      while channel < loop.channels {
        let count = loop.channels &- channel
        var greatest = SIMD16<Number>(repeating: -.infinity)
        var place = SIMD16<Int32>(
          repeating: Int32(truncatingIfNeeded: rows.lowerBound &* width &+ columns.lowerBound))
        for k in rows {
          for l in columns {
            let from = loop.input(image, firstRow &+ k, firstColumn &+ l) &+ channel
            let value = load(x + from, first: count)
            if places.isWanted {
              let here = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: k &* width &+ l))
              place = Number.choose16(value, over: greatest, here, place)
            }
            greatest = Number.greatest16(value, greatest)
          }
        }
        store(greatest, y + (target &+ channel), first: count)
        if places.isWanted { places.set(place, target &+ channel, count < 16 ? count : 16) }
        channel &+= 16
      }
    }
    return ranWell
  }
}

/// dx[n, p, q, c] = Σ dy[n, i, j, c] over the windows of which p, q was the greatest.
enum MaxPool2dBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("max_pool2d_backward")
    description.input("dy")
    description.input("places", .index)
    description.output("dx")
    Window.describe(description, hasGroups: false, isDilated: false)
  }

  static func plan(_ plan: LayerPlan) {
    guard let loop = PoolLoop.checked(plan) else { return }
    loop.countOutput(plan, 0)
    loop.countOutput(plan, 1)
    loop.countInput(plan, 2)
    PlaceStore.check(plan, array: 1, loop)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let loop = PoolLoop { call.size($0) }
    let (dy, dx) = (call.values(0), call.values(2))
    let places = PlaceStore(call.data(1), call.dtype(1))
    loop.forEachInput { image, row, column in
      let target = loop.input(image, row, column)
      let rows = loop.window.rows.windows(row)
      let columns = loop.window.columns.windows(column)
      var channel = 0
      while channel < loop.channels {
        let count = loop.channels &- channel
        var sum = SIMD16<Number>(repeating: 0)
        for i in rows {
          for j in columns {
            let k = row &+ loop.window.rows.padding &- i &* loop.window.rows.stride
            let l = column &+ loop.window.columns.padding &- j &* loop.window.columns.stride
            let from = loop.output(image, i, j) &+ channel
            let place = Int32(truncatingIfNeeded: k &* loop.window.columns.kernel &+ l)
            let found = places.get(from, count < 16 ? count : 16)
            let gradient = load(dy + from, first: count)
            sum = Number.add16(sum, Number.where16(found, equal: place, gradient))
          }
        }
        store(sum, dx + (target &+ channel), first: count)
        channel &+= 16
      }
    }
    return ranWell
  }
}

/// The places of the greatest elements, in an array of kind `.index`. Any content is safe to
/// read: a place that no window has gets no gradient.
private struct PlaceStore {
  private let data: UnsafeMutableRawPointer?
  private let dtype: so_dtype

  init(_ data: UnsafeMutableRawPointer?, _ dtype: so_dtype) {
    self.data = data
    self.dtype = dtype
  }

  /// A kernel with more places than the index can tell apart is a fault.
  static func check(_ plan: LayerPlan, array: Int, _ loop: PoolLoop) {
    let given = so_layer_array_at(plan.call, Int64(array)).pointee
    if given.data != nil && given.dtype == so_dtype(SO_UINT8) && loop.window.places > 256 {
      plan.fault(size: 4, "such that the kernel has at most 256 places, for places in uint8")
    }
    if loop.window.places > 1 << 30 {
      plan.fault(size: 4, "such that the kernel has at most 2^30 places")
    }
  }

  @inline(__always)
  var isWanted: Bool { data != nil }

  @inline(__always)
  func set(_ places: SIMD16<Int32>, _ index: Int, _ count: Int) {
    guard let data else { return }
    switch dtype {
    case so_dtype(SO_UINT8):
      let target = data.assumingMemoryBound(to: UInt8.self) + index
      if count == 16 {
        so_store_places16(places, target)
      } else {
        for lane in 0..<count { target[lane] = UInt8(truncatingIfNeeded: places[lane]) }
      }
    case so_dtype(SO_INT32):
      let target = data.assumingMemoryBound(to: Int32.self) + index
      for lane in 0..<count { target[lane] = places[lane] }
    default:
      let target = data.assumingMemoryBound(to: Int64.self) + index
      for lane in 0..<count { target[lane] = Int64(places[lane]) }
    }
  }

  @inline(__always)
  func get(_ index: Int, _ count: Int) -> SIMD16<Int32> {
    var places = SIMD16<Int32>(repeating: -1)
    guard let data else { return places }
    switch dtype {
    case so_dtype(SO_UINT8):
      let source = data.assumingMemoryBound(to: UInt8.self) + index
      if count == 16 { return so_load_places16(source) }
      for lane in 0..<count { places[lane] = Int32(source[lane]) }
    case so_dtype(SO_INT32):
      let source = data.assumingMemoryBound(to: Int32.self) + index
      for lane in 0..<count { places[lane] = source[lane] }
    default:
      let source = data.assumingMemoryBound(to: Int64.self) + index
      for lane in 0..<count { places[lane] = Int32(clamping: source[lane]) }
    }
    return places
  }
}
