/// loss = mean((prediction - target)²), and its gradient if asked for:
/// d loss / d prediction = 2 (prediction - target) / count.
enum MeanSquaredError: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("mean_squared_error")
    description.input("prediction")
    description.input("target")
    description.output("loss", .number)
    description.output("prediction_gradient", optional: true, mayBe: 0)
    description.size("count")
  }

  static func plan(_ plan: LayerPlan) {
    let count = plan.size(0)
    plan.positive(0)
    plan.count(0, count)
    plan.count(1, count)
    plan.count(2, 1)
    plan.count(3, count)
    plan.workspace(blocks(count), MemoryLayout<Double>.size)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let count = call.size(0)
    let (prediction, target) = (call.values(0), call.values(1))
    let gradient = call.optional(3, Element.self)
    let partials = call.workspace.assumingMemoryBound(to: Double.self)
    let scale = 2 / Element.Number(Double(count))
    parallelFor(count, grain: blockElements) { begin, end, _ in
      var sums = SIMD16<Double>()
      var index = begin
      while index &+ 16 <= end {
        let difference = Element.load16(prediction + index) - Element.load16(target + index)
        let wide = Element.Number.widened16(difference)
        sums += wide * wide
        if let gradient { Element.store16(difference * scale, gradient + index) }
        index &+= 16
      }
      while index < end {
        let difference = prediction[index].number - target[index].number
        let wide = Double(difference)
        sums[index & 15] += wide * wide
        if let gradient { gradient[index] = Element(rounding: difference * scale) }
        index &+= 1
      }
      partials[begin / blockElements] = sums.treeSum
    }
    var sum = 0.0
    for block in 0..<blocks(count) { sum += partials[block] }
    call.numbers(2)[0] = Element.Number(sum / Double(count))
    return ranWell
  }

  private static var blockElements: Int { 8192 }

  private static func blocks(_ count: Int) -> Int {
    (count &+ blockElements &- 1) / blockElements
  }
}
