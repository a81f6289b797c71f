import CSwiftOpt
import SwiftOptMath
import SwiftOptShims

/// With p the softmax of a row of logits and q the wanted distribution,
/// q = (1 - s) [label] + s / classes with s the label smoothing (Szegedy et al. 2016, "Rethinking
/// the inception architecture", section 7):
///
///     loss = mean of -Σ q log p        d loss / d logits = (p - q) / rows
///
/// Rows whose label is `ignore_index` don't count.
enum CrossEntropy: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("cross_entropy")
    description.input("logits")
    description.input("labels", .index)
    description.output("loss", .number)
    description.output("logits_gradient", optional: true, mayBe: 0)
    description.size("rows")
    description.size("classes")
    description.setting("label_smoothing", 0, minimum: 0, maximum: 1)
    description.setting("ignore_index", -100)
  }

  static func plan(_ plan: LayerPlan) {
    let (rows, classes) = (plan.size(0), plan.size(1))
    plan.positive(0)
    plan.positive(1)
    plan.count(0, rows, classes)
    plan.count(1, rows)
    plan.count(2, 1)
    plan.count(3, rows, classes)
    RowTasks(rows: rows, features: classes).plan(plan, partials: 1)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let (rows, classes) = (call.size(0), call.size(1))
    let ignored = call.setting(1)
    guard let kept = call.countIndices(1, rows, below: classes, ignoring: ignored) else { return 1 }
    let (logits, gradients) = (call.values(0), call.optional(3, Element.self))
    let smoothing = call.setting(0)
    let share = 1 / Double(kept)
    let tasks = RowTasks(rows: rows, features: classes)
    let partials = tasks.partials(call)
    tasks.run(call) { (range, powers: UnsafeMutablePointer<Number>) in
      var loss = 0.0
      for row in range {
        let x = logits + row &* classes
        let gradient = gradients.map { $0 + row &* classes }
        let label = call.index(1, at: row)
        if Double(label) == ignored {
          gradient?.update(repeating: Element(rounding: 0), count: classes)
          continue
        }
        let top = greatest(x, classes)
        let atLabel = x[label].number
        let mean = smoothing > 0 ? sum(x, classes) / Double(classes) : 0
        let powerSum = exponentials(x, classes, minus: top, into: powers)
        // Neither infinity nor what is not a number has a logarithm here.
        let logarithm =
          powerSum < .infinity ? roundedLogarithm(DoubleDouble(high: powerSum, low: 0)) : .nan
        let hard = Double(top) - Double(atLabel) + logarithm
        loss += smoothing < 1 ? (1 - smoothing) * hard : 0
        if smoothing > 0 { loss += smoothing * (Double(top) - mean + logarithm) }
        guard let gradient else { continue }
        let everywhere = Number(share * smoothing / Double(classes))
        let factor = Number(share / powerSum)
        write(powers, classes, factor, everywhere, gradient)
        gradient[label] = Element(
          rounding: powers[label] * factor - Number(share * (1 - smoothing)) - everywhere)
      }
      partials[range.lowerBound / tasks.grain] = loss
    }
    var loss = 0.0
    for task in 0..<tasks.count { loss += partials[task] }
    call.numbers(2)[0] = Number(loss * share)
    return ranWell
  }

  @inline(__always)
  private static func sum<Element: LayerElement>(
    _ row: UnsafePointer<Element>, _ count: Int
  ) -> Double {
    var sums = SIMD16<Double>()
    var index = 0
    while index < count {
      sums += Element.Number.widened16(loadLanes(row + index, count &- index, filler: 0))
      index &+= 16
    }
    return sums.treeSum
  }

  /// gradient = powers * factor - everywhere
  @inline(__always)
  private static func write<Element: LayerElement>(
    _ powers: UnsafeMutablePointer<Element.Number>, _ count: Int, _ factor: Element.Number,
    _ everywhere: Element.Number, _ gradient: UnsafeMutablePointer<Element>
  ) {
    var index = 0
    while index < count {
      let numbers = Element.Number.load16(powers + index) * factor - everywhere
      storeLanes(numbers, gradient + index, count &- index)
      index &+= 16
    }
  }
}
