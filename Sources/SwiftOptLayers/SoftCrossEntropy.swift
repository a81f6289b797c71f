import CSwiftOpt
import SwiftOptMath
import SwiftOptShims

/// Cross entropy whose targets are distributions t instead of labels, such as mixed ones (Zhang
/// et al. 2018, "mixup"). With s the label smoothing, q = (1 - s) t + s / classes and p the softmax
/// of a row of logits x:
///
///     loss = mean of -Σ q log p        d loss / d x = (Σ q · p - q) / rows
///
/// A row's targets need not sum to 1.
enum SoftCrossEntropy: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("soft_cross_entropy")
    description.input("logits")
    description.input("targets", .number)
    description.output("loss", .number)
    description.output("logits_gradient", optional: true, mayBe: 0)
    description.size("rows")
    description.size("classes")
    description.setting("label_smoothing", 0, minimum: 0, maximum: 1)
  }

  static func plan(_ plan: LayerPlan) {
    let (rows, classes) = (plan.size(0), plan.size(1))
    plan.positive(0)
    plan.positive(1)
    plan.count(0, rows, classes)
    plan.count(1, rows, classes)
    plan.count(2, 1)
    plan.count(3, rows, classes)
    RowTasks(rows: rows, features: classes).plan(plan, partials: 1)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let (rows, classes) = (call.size(0), call.size(1))
    let (logits, targets) = (call.values(0), call.numbers(1))
    let gradients = call.optional(3, Element.self)
    let smoothing = call.setting(0)
    let (kept, everywhere) = (1 - smoothing, smoothing / Double(classes))
    let tasks = RowTasks(rows: rows, features: classes)
    let partials = tasks.partials(call)
    tasks.run(call) { (range, powers: UnsafeMutablePointer<Number>) in
      var loss = 0.0
      for row in range {
        let (x, t) = (logits + row &* classes, targets + row &* classes)
        let top = greatest(x, classes)
        // Σ q and Σ q (top - x)
        var (sum, distance) = (0.0, 0.0)
        for index in 0..<classes {
          let q = Double(t[index]) * kept + everywhere
          sum += q
          distance += q * (Double(top) - Double(x[index].number))
        }
        let powerSum = exponentials(x, classes, minus: top, into: powers)
        // Neither infinity nor what is not a number has a logarithm here.
        let logarithm =
          powerSum < .infinity ? roundedLogarithm(DoubleDouble(high: powerSum, low: 0)) : .nan
        loss += distance + sum * logarithm
        guard let gradient = gradients.map({ $0 + row &* classes }) else { continue }
        let share = 1 / Double(rows)
        let ofPowers = Number(share * sum / powerSum)
        let ofTargets = Number(share * kept)
        let ofAll = Number(share * everywhere)
        for index in 0..<classes {
          let wanted = t[index] * ofTargets + ofAll
          gradient[index] = Element(rounding: powers[index] * ofPowers - wanted)
        }
      }
      partials[range.lowerBound / tasks.grain] = loss
    }
    var loss = 0.0
    for task in 0..<tasks.count { loss += partials[task] }
    call.numbers(2)[0] = Number(loss / Double(rows))
    return ranWell
  }
}
