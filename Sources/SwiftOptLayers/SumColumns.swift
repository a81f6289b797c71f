/// sums[column] = Σ x[row, column], as the gradient of a bias needs it. In float64, over blocks
/// of rows of a fixed number, which are then added up in their order.
enum SumColumns: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("column_sums")
    description.input("x")
    description.output("sums", .number)
    description.size("rows")
    description.size("columns")
  }

  static func plan(_ plan: LayerPlan) {
    let (rows, columns) = (plan.size(0), plan.size(1))
    plan.count(0, rows, columns)
    plan.count(1, columns)
    plan.workspace(blocks(rows), columns, MemoryLayout<Double>.size)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    let (rows, columns) = (call.size(0), call.size(1))
    let x = call.values(0)
    let partials = call.workspace.assumingMemoryBound(to: Double.self)
    let grain = max(1, 16384 / (blockRows &* max(1, columns)))
    parallelFor(blocks(rows), grain: grain) { begin, end, _ in
      for block in begin..<end {
        let sums = partials + block &* columns
        for column in 0..<columns { sums[column] = 0 }
        for row in (block &* blockRows)..<min(rows, (block &+ 1) &* blockRows) {
          add(x + row &* columns, columns, to: sums)
        }
      }
    }
    let sums = call.numbers(1)
    for column in 0..<columns {
      var sum = 0.0
      for block in 0..<blocks(rows) { sum += partials[block &* columns &+ column] }
      sums[column] = Element.Number(sum)
    }
    return ranWell
  }

  @inline(__always)
  private static func add<Element: LayerElement>(
    _ row: UnsafePointer<Element>, _ columns: Int, to sums: UnsafeMutablePointer<Double>
  ) {
    var column = 0
    while column &+ 16 <= columns {
      let wide = Element.Number.widened16(Element.load16(row + column))
      Double.store16(Double.load16(sums + column) + wide, sums + column)
      column &+= 16
    }
    while column < columns {
      sums[column] += Double(row[column].number)
      column &+= 1
    }
  }

  private static var blockRows: Int { 64 }

  private static func blocks(_ rows: Int) -> Int { (rows &+ blockRows &- 1) / blockRows }
}
