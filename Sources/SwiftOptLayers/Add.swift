/// sum = a + b for each of `rows` rows of a, with the same b: another array for one row,
/// positions for a batch of sequences.
enum Add: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("add")
    description.input("a")
    description.input("b")
    description.output("sum", mayBe: 0)
    description.size("rows")
    description.size("columns")
  }

  static func plan(_ plan: LayerPlan) {
    let count = plan.product(plan.size(0), plan.size(1))
    plan.count(0, count)
    plan.count(1, plan.size(1))
    plan.count(2, count)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let columns = call.size(1)
    let (a, b, sum) = (call.values(0), call.values(1), call.values(2))
    parallelFor(call.size(0) &* columns, grain: 16384) { begin, end, _ in
      var start = begin
      while start < end {
        // Up to the end of the row.
        let column = start % columns
        let count = min(end &- start, columns &- column)
        addRow(a + start, b + column, sum + start, count)
        start &+= count
      }
    }
    return ranWell
  }

  @inline(__always)
  private static func addRow<Element: LayerElement>(
    _ a: UnsafePointer<Element>, _ b: UnsafePointer<Element>,
    _ sum: UnsafeMutablePointer<Element>, _ count: Int
  ) {
    var index = 0
    while index &+ 16 <= count {
      Element.store16(Element.load16(a + index) + Element.load16(b + index), sum + index)
      index &+= 16
    }
    while index < count {
      sum[index] = Element(rounding: a[index].number + b[index].number)
      index &+= 1
    }
  }
}
