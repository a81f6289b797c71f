import SwiftOptShims

/// Rows shared out over the threads, each with room in the workspace for a row of numbers.
struct RowTasks {
  let rows: Int
  let features: Int

  /// Rows that are one task: enough to pay for starting it.
  static func rows(features: Int) -> Int { features < 1 ? 1 : 16384 / features &+ 1 }

  @inline(__always)
  var grain: Int { RowTasks.rows(features: features) }

  var count: Int { rows == 0 ? 0 : (rows &- 1) / grain &+ 1 }

  @inline(__always)
  func slots(numberBytes: Int) -> Slots { Slots(of: wholeLanes(features) &* numberBytes) }

  /// Asks for the workspace; `partials` more numbers in float64 per task come after it.
  func plan(_ plan: LayerPlan, partials: Int = 0) {
    let bytes = plan.product(wholeLanes(features), plan.numberBytes)
    let slots = Slots(of: bytes)
    plan.workspace(slots.bytes &+ count &* partials &* MemoryLayout<Double>.size)
  }

  /// Where the partial results are.
  @inline(__always)
  func partials<Element: LayerElement>(_ call: LayerCall<Element>) -> UnsafeMutablePointer<Double> {
    let slots = self.slots(numberBytes: MemoryLayout<Element.Number>.size)
    return (call.workspace + slots.bytes).assumingMemoryBound(to: Double.self)
  }

  /// Calls `body` with the rows of every task.
  @inline(__always)
  func run<Element: LayerElement>(
    _ call: LayerCall<Element>,
    _ body: @escaping (Range<Int>, UnsafeMutablePointer<Element.Number>) -> Void
  ) {
    let slots = self.slots(numberBytes: MemoryLayout<Element.Number>.size)
    let workspace = call.workspace
    slots.clear(workspace)
    parallelFor(rows, grain: grain) { begin, end, _ in
      let slot = slots.take(workspace)
      body(
        begin..<end,
        slots.memory(workspace, slot).assumingMemoryBound(to: Element.Number.self))
      slots.giveBack(workspace, slot)
    }
  }
}
