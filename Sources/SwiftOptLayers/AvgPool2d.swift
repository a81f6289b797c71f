/// y[n, i, j, c] = Σ x[n, i · stride + k - padding, j · stride + l - padding, c] / d over the
/// kernel's places inside the image. d is the number of places in the kernel, or with
/// count_include_pad = 0 of those inside the image.
enum AvgPool2d: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("avg_pool2d")
    description.input("x")
    description.output("y")
    Window.describe(description, hasGroups: false, isDilated: false)
    description.flag("count_include_pad", true)
  }

  static func plan(_ plan: LayerPlan) {
    guard let loop = PoolLoop.checked(plan) else { return }
    loop.countInput(plan, 0)
    loop.countOutput(plan, 1)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let loop = PoolLoop { call.size($0) }
    let (x, y) = (call.values(0), call.values(1))
    let divisor = Divisor(loop.window, includesPadding: call.flag(0))
    loop.forEachOutput { image, row, column in
      let rows = loop.window.rows.inside(row)
      let columns = loop.window.columns.inside(column)
      let firstRow = row &* loop.window.rows.stride &- loop.window.rows.padding
      let firstColumn = column &* loop.window.columns.stride &- loop.window.columns.padding
      let target = loop.output(image, row, column)
      let share = Number(Double(divisor.count(row, column)))
      var channel = 0
      while channel < loop.channels {
        let count = loop.channels &- channel
        var sum = SIMD16<Number>(repeating: 0)
        for k in rows {
          for l in columns {
            let from = loop.input(image, firstRow &+ k, firstColumn &+ l) &+ channel
            sum = Number.add16(sum, load(x + from, first: count))
          }
        }
        store(Number.divide16(sum, share), y + (target &+ channel), first: count)
        channel &+= 16
      }
    }
    return ranWell
  }
}

/// dx[n, p, q, c] = Σ dy[n, i, j, c] / d over the windows that have p, q.
enum AvgPool2dBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("avg_pool2d_backward")
    description.input("dy")
    description.output("dx")
    Window.describe(description, hasGroups: false, isDilated: false)
    description.flag("count_include_pad", true)
  }

  static func plan(_ plan: LayerPlan) {
    guard let loop = PoolLoop.checked(plan) else { return }
    loop.countOutput(plan, 0)
    loop.countInput(plan, 1)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let loop = PoolLoop { call.size($0) }
    let (dy, dx) = (call.values(0), call.values(1))
    let divisor = Divisor(loop.window, includesPadding: call.flag(0))
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
            let gradient = load(dy + (loop.output(image, i, j) &+ channel), first: count)
            let share = Number(Double(divisor.count(i, j)))
            sum = Number.add16(sum, Number.divide16(gradient, share))
          }
        }
        store(sum, dx + (target &+ channel), first: count)
        channel &+= 16
      }
    }
    return ranWell
  }
}

/// What the sum over a window is divided by: not zero, since padding is at most half a kernel.
private struct Divisor {
  let window: Window
  let includesPadding: Bool

  init(_ window: Window, includesPadding: Bool) {
    self.window = window
    self.includesPadding = includesPadding
  }

  @inline(__always)
  func count(_ row: Int, _ column: Int) -> Int {
    includesPadding
      ? window.places : window.rows.inside(row).count &* window.columns.inside(column).count
  }
}
