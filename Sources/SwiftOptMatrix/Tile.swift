import SwiftOptShims

/// Rows in a third of a tile: with two vectors per row, a tile has as many rows as there are
/// registers for. AVX-512 has 32 registers, of which 24 hold sums, the others 16 and 12.
#if SWIFTOPT_AVX512 || SWIFTOPT_AVX512BF16
  @inline(__always)
  var tileThird: Int { 4 }
#else
  @inline(__always)
  var tileThird: Int { 2 }
#endif

/// Rows of a tile, and of a packed panel of A.
@inline(__always)
var tileRows: Int { 3 &* tileThird }

/// Where the steps of a panel of A lie, in bytes: packed, or in the caller's matrix.
struct RowPanel {
  let start: UnsafeRawPointer
  let rowStride: Int
  let stepStride: Int
}

/// Where a tile goes: rows of elements, `stride` apart.
struct TileTarget<Stored: Element> {
  let start: UnsafeMutablePointer<Stored>
  let stride: Int
}

/// The product of a panel of A and a panel of B, plus `sums` if there are any: a rank-one
/// update for each of the `steps`. Of a tile, some `thirds` of the rows are computed, and the
/// first half of the columns if it `isNarrow`. Rows of `sums` lie `tileColumns` apart.
@inline(__always)
func multiplyTile<Numbers: Arithmetic, Stored: Element>(
  _ numbers: Numbers.Type, _ a: RowPanel, _ b: UnsafePointer<Numbers.Step>, steps: Int,
  thirds: Int, isNarrow: Bool, adding sums: UnsafePointer<Numbers.Sum>?,
  to target: TileTarget<Stored>
) {
  if isNarrow {
    multiply(Narrow<Numbers>.self, a, b, steps, thirds, sums, target)
  } else {
    multiply(Wide<Numbers>.self, a, b, steps, thirds, sums, target)
  }
}

@inline(__always)
private func multiply<Row: TileRow, Stored: Element>(
  _ row: Row.Type, _ a: RowPanel, _ b: UnsafePointer<Row.Numbers.Step>, _ steps: Int,
  _ thirds: Int, _ sums: UnsafePointer<Row.Numbers.Sum>?, _ target: TileTarget<Stored>
) {
  typealias OneThird = Third<Row>
  typealias TwoThirds = Stack<OneThird, OneThird>
  switch thirds {
  case 3: accumulate(Stack<OneThird, TwoThirds>.self, a, b, steps, sums, target)
  case 2: accumulate(TwoThirds.self, a, b, steps, sums, target)
  default: accumulate(OneThird.self, a, b, steps, sums, target)
  }
}

@inline(never)
private func accumulate<Rows: TileRows, Stored: Element>(
  _ type: Rows.Type, _ a: RowPanel, _ b: UnsafePointer<Rows.Row.Numbers.Step>, _ steps: Int,
  _ sums: UnsafePointer<Rows.Row.Numbers.Sum>?, _ target: TileTarget<Stored>
) {
  var rows = sums.map { Rows($0) } ?? Rows()
  var start = a.start
  var b = b
  for _ in 0..<steps {
    rows.add(start, a.rowStride, Rows.Row.load(b))
    start += a.stepStride
    b += Rows.Row.Numbers.tileColumns
  }
  rows.store(target.start, target.stride)
}

/// A row of a tile.
private protocol TileRow {
  associatedtype Numbers: Arithmetic
  associatedtype Steps

  static func load(_ b: UnsafePointer<Numbers.Step>) -> Steps
  init()
  init(_ sums: UnsafePointer<Numbers.Sum>)
  mutating func add(_ a: Numbers.Step, _ b: Steps)
  func store<Stored: Element>(_ target: UnsafeMutablePointer<Stored>)
}

/// Two vectors.
private struct Wide<Numbers: Arithmetic>: TileRow {
  var left = Numbers.Sum.zeros
  var right = Numbers.Sum.zeros

  @inline(__always)
  static func load(_ b: UnsafePointer<Numbers.Step>) -> (left: Numbers.Steps, right: Numbers.Steps)
  { (Numbers.loadSteps(b), Numbers.loadSteps(b + Numbers.lanes)) }

  @inline(__always)
  init() {}

  @inline(__always)
  init(_ sums: UnsafePointer<Numbers.Sum>) {
    left = Numbers.Sum.load(sums)
    right = Numbers.Sum.load(sums + Numbers.lanes)
  }

  @inline(__always)
  mutating func add(_ a: Numbers.Step, _ b: (left: Numbers.Steps, right: Numbers.Steps)) {
    left = Numbers.multiplyAdd(a, b.left, left)
    right = Numbers.multiplyAdd(a, b.right, right)
  }

  @inline(__always)
  func store<Stored: Element>(_ target: UnsafeMutablePointer<Stored>) {
    Stored.encode(Numbers.Sum.self, left, to: target)
    Stored.encode(Numbers.Sum.self, right, to: target + Numbers.lanes)
  }
}

/// One vector.
private struct Narrow<Numbers: Arithmetic>: TileRow {
  var sums = Numbers.Sum.zeros

  @inline(__always)
  static func load(_ b: UnsafePointer<Numbers.Step>) -> Numbers.Steps { Numbers.loadSteps(b) }

  @inline(__always)
  init() {}

  @inline(__always)
  init(_ sums: UnsafePointer<Numbers.Sum>) { self.sums = Numbers.Sum.load(sums) }

  @inline(__always)
  mutating func add(_ a: Numbers.Step, _ b: Numbers.Steps) {
    sums = Numbers.multiplyAdd(a, b, sums)
  }

  @inline(__always)
  func store<Stored: Element>(_ target: UnsafeMutablePointer<Stored>) {
    Stored.encode(Numbers.Sum.self, sums, to: target)
  }
}

/// Some rows of a tile. Variables instead of an array: they have to stay in registers.
private protocol TileRows {
  associatedtype Row: TileRow

  static var count: Int { get }
  init()
  init(_ tile: UnsafePointer<Row.Numbers.Sum>)
  /// Adds one step of A's rows, `stride` bytes apart, times one of B.
  mutating func add(_ a: UnsafeRawPointer, _ stride: Int, _ b: Row.Steps)
  func store<Stored: Element>(_ target: UnsafeMutablePointer<Stored>, _ stride: Int)
}

private struct Third<Row: TileRow>: TileRows {
  @inline(__always)
  static var count: Int { tileThird }

  var row0 = Row()
  var row1 = Row()
  #if SWIFTOPT_AVX512 || SWIFTOPT_AVX512BF16
    var row2 = Row()
    var row3 = Row()
  #endif

  @inline(__always)
  init() {}

  @inline(__always)
  init(_ tile: UnsafePointer<Row.Numbers.Sum>) {
    row0 = Row(tile)
    row1 = Row(tile + Row.Numbers.tileColumns)
    #if SWIFTOPT_AVX512 || SWIFTOPT_AVX512BF16
      row2 = Row(tile + 2 &* Row.Numbers.tileColumns)
      row3 = Row(tile + 3 &* Row.Numbers.tileColumns)
    #endif
  }

  @inline(__always)
  mutating func add(_ a: UnsafeRawPointer, _ stride: Int, _ b: Row.Steps) {
    typealias Step = Row.Numbers.Step
    row0.add(a.loadUnaligned(as: Step.self), b)
    row1.add((a + stride).loadUnaligned(as: Step.self), b)
    #if SWIFTOPT_AVX512 || SWIFTOPT_AVX512BF16
      row2.add((a + 2 &* stride).loadUnaligned(as: Step.self), b)
      row3.add((a + 3 &* stride).loadUnaligned(as: Step.self), b)
    #endif
  }

  @inline(__always)
  func store<Stored: Element>(_ target: UnsafeMutablePointer<Stored>, _ stride: Int) {
    row0.store(target)
    row1.store(target + stride)
    #if SWIFTOPT_AVX512 || SWIFTOPT_AVX512BF16
      row2.store(target + 2 &* stride)
      row3.store(target + 3 &* stride)
    #endif
  }
}

private struct Stack<Upper: TileRows, Lower: TileRows>: TileRows where Upper.Row == Lower.Row {
  typealias Row = Upper.Row

  @inline(__always)
  static var count: Int { Upper.count &+ Lower.count }

  var upper = Upper()
  var lower = Lower()

  @inline(__always)
  init() {}

  @inline(__always)
  init(_ tile: UnsafePointer<Row.Numbers.Sum>) {
    upper = Upper(tile)
    lower = Lower(tile + Upper.count &* Row.Numbers.tileColumns)
  }

  @inline(__always)
  mutating func add(_ a: UnsafeRawPointer, _ stride: Int, _ b: Row.Steps) {
    upper.add(a, stride, b)
    lower.add(a + Upper.count &* stride, stride, b)
  }

  @inline(__always)
  func store<Stored: Element>(_ target: UnsafeMutablePointer<Stored>, _ stride: Int) {
    upper.store(target, stride)
    lower.store(target + Upper.count &* stride, stride)
  }
}
