import SwiftOptShims

/// The windows of a pooling, and loops over them, row by row. Windows have no dilation.
struct PoolLoop {
  let window: Window
  let channels: Int

  /// The same, checked: nil after a fault. A window of padding alone would have no value.
  static func checked(_ plan: LayerPlan) -> PoolLoop? {
    guard let window = Window.checked(plan, kernel: 4, dilation: nil) else { return nil }
    if window.rows.padding > window.rows.kernel / 2 {
      plan.fault(size: 8, "at most half of kernel_height")
    }
    if window.columns.padding > window.columns.kernel / 2 {
      plan.fault(size: 9, "at most half of kernel_width")
    }
    return plan.hasFault ? nil : PoolLoop(window: window, channels: plan.size(3))
  }

  init(window: Window, channels: Int) {
    self.window = window
    self.channels = channels
  }

  @inline(__always)
  init(_ size: (Int) -> Int) {
    self.init(window: Window(kernel: 4, dilation: nil, size), channels: size(3))
  }

  func countInput(_ plan: LayerPlan, _ array: Int) {
    plan.count(array, window.batch, window.rows.input, window.columns.input, channels)
  }

  func countOutput(_ plan: LayerPlan, _ array: Int) {
    plan.count(array, window.batch, window.rows.output, window.columns.output, channels)
  }

  /// Calls `body` with each place of the output, as its image, row and column; in parallel for
  /// different rows.
  @inline(__always)
  func forEachOutput(_ body: @escaping (Int, Int, Int) -> Void) {
    let rows = window.rows.output
    let columns = window.columns.output
    parallelFor(window.batch &* rows, grain: grain(columns)) { begin, end, _ in
      for line in begin..<end {
        for column in 0..<columns { body(line / rows, line % rows, column) }
      }
    }
  }

  /// The same with each place of the input.
  @inline(__always)
  func forEachInput(_ body: @escaping (Int, Int, Int) -> Void) {
    let rows = window.rows.input
    let columns = window.columns.input
    parallelFor(window.batch &* rows, grain: grain(columns)) { begin, end, _ in
      for line in begin..<end {
        for column in 0..<columns { body(line / rows, line % rows, column) }
      }
    }
  }

  @inline(__always)
  private func grain(_ columns: Int) -> Int {
    let elements = columns &* channels
    return elements > 16384 ? 1 : 16384 / elements
  }

  /// The first element of a place of the input.
  @inline(__always)
  func input(_ image: Int, _ row: Int, _ column: Int) -> Int {
    ((image &* window.rows.input &+ row) &* window.columns.input &+ column) &* channels
  }

  @inline(__always)
  func output(_ image: Int, _ row: Int, _ column: Int) -> Int {
    ((image &* window.rows.output &+ row) &* window.columns.output &+ column) &* channels
  }
}

extension WindowAxis {
  /// The kernel's places that are inside the image in window `t`.
  @inline(__always)
  func inside(_ t: Int) -> Range<Int> {
    let first = t &* stride &- padding
    let begin = first < 0 ? -first : 0
    let end = input &- first < kernel ? input &- first : kernel
    return begin..<(end < begin ? begin : end)
  }

  /// The windows in which place `p` of the image is.
  @inline(__always)
  func windows(_ place: Int) -> Range<Int> {
    let last = (place &+ padding) / stride
    let before = place &+ padding &- kernel
    let first = before < 0 ? 0 : before / stride &+ 1
    let end = last &+ 1 < output ? last &+ 1 : output
    return first..<(end < first ? first : end)
  }
}
