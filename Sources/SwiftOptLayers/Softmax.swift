import CSwiftOpt
import SwiftOptShims

/// y = e^x / Σ e^x in each row.
enum Softmax: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("softmax")
    description.input("x")
    description.output("y", mayBe: 0)
    description.size("rows")
    description.size("features")
  }

  static func plan(_ plan: LayerPlan) {
    let (rows, features) = (plan.size(0), plan.size(1))
    plan.positive(1)
    plan.count(0, rows, features)
    plan.count(1, rows, features)
    RowTasks(rows: rows, features: features).plan(plan)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let features = call.size(1)
    let (input, output) = (call.values(0), call.values(1))
    let tasks = RowTasks(rows: call.size(0), features: features)
    tasks.run(call) { (range, powers: UnsafeMutablePointer<Number>) in
      for row in range {
        let (x, y) = (input + row &* features, output + row &* features)
        let top = greatest(x, features)
        let sum = exponentials(x, features, minus: top, into: powers)
        let factor = Number(1 / sum)
        var index = 0
        while index < features {
          let numbers = Number.load16(powers + index) * factor
          storeLanes(numbers, y + index, features &- index)
          index &+= 16
        }
      }
    }
    return ranWell
  }
}

/// dx = y (dy - Σ y dy) in each row.
enum SoftmaxBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("softmax_backward")
    description.input("dy")
    description.input("y")
    description.output("dx", mayBe: 0)
    description.size("rows")
    description.size("features")
  }

  static func plan(_ plan: LayerPlan) {
    plan.positive(1)
    for array in 0..<3 { plan.count(array, plan.size(0), plan.size(1)) }
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let (rows, features) = (call.size(0), call.size(1))
    let (gradient, output, result) = (call.values(0), call.values(1), call.values(2))
    parallelFor(rows, grain: RowTasks.rows(features: features)) { begin, end, _ in
      for row in begin..<end {
        let start = row &* features
        let (dy, y, dx) = (gradient + start, output + start, result + start)
        let mean = Number(dotProduct(dy, y, features))
        var index = 0
        while index < features {
          let left = features &- index
          let numbers =
            loadLanes(y + index, left, filler: 0)
            * (loadLanes(dy + index, left, filler: 0) - mean)
          storeLanes(numbers, dx + index, left)
          index &+= 16
        }
      }
    }
    return ranWell
  }
}
