import CSwiftOpt
import SwiftOptShims

/// Where a tile belongs in C.
struct Place {
  let row, column: Int
  let rows, columns: Int
  /// Rows of the tile that lie above the place.
  let ahead: Int
  /// The place has everything that is computed of the tile.
  let isWhole: Bool
  /// The first tile of a block of rows.
  let isFirst: Bool
}

/// Float64 sums of as many columns as in a whole tile, over the rows of a block.
struct ColumnSums {
  var plain, squares: UnsafeMutablePointer<Double>?
}

/// What becomes of a tile of sums, while it is in the first cache level: one loop over it for
/// each thing that is to be done. Tiles are whole in scratch; of C's last columns, which may
/// not fill one, rows are copied to and from an `edge` as wide as a tile.
struct Epilogue<Numbers: Arithmetic, Stored: Element> {
  typealias Sum = Numbers.Sum

  private let call: UnsafePointer<so_product>
  private let columnSums: ColumnSums
  /// A row of C, and a tile of what an activation saved.
  private let edge: UnsafeMutablePointer<Stored>
  private let saved: UnsafeMutablePointer<Sum>

  @inline(__always)
  init(
    _ product: UnsafePointer<so_product>, _ sums: ColumnSums, scratch: UnsafeMutableRawPointer
  ) {
    call = product
    columnSums = sums
    saved = scratch.assumingMemoryBound(to: Sum.self)
    edge = UnsafeMutableRawPointer(saved + tileRows &* Numbers.tileColumns)
      .assumingMemoryBound(to: Stored.self)
  }

  @inline(__always)
  private var product: so_product { call.pointee }

  /// Whether sums have only to be rounded.
  var isPlain: Bool {
    product.alpha == 1 && product.beta == 0 && product.bias == nil && product.residual == nil
      && product.preactivation == nil && product.activation == SO_ACTIVATION_NONE
      && product.mask == nil
  }

  /// Whether tiles can be rounded from registers. Known to the compiler.
  @inline(__always)
  var isDirect: Bool {
    Stored.self == Sum.self || (Stored.self == BFloat16.self && Sum.self == Float.self)
  }

  /// A place in C.
  @inline(__always)
  func target(_ place: Place) -> TileTarget<Stored> {
    let stride = Int(product.c_stride)
    return TileTarget(start: first(product.c, stride, place), stride: stride)
  }

  func run(_ tile: UnsafeMutablePointer<Sum>, _ place: Place) {
    if product.alpha != 1 {
      let alpha = Sum(product.alpha)
      forEach(tile, place) { sums in Sum.store(Sum.scale(alpha, Sum.load(sums)), to: sums) }
    }
    if product.beta != 0 {
      let beta = Sum(product.beta)
      forEach(tile, place, with: product.c, product.c_stride) { sums, c in
        Sum.store(Sum.add(Sum.load(sums), Sum.scale(beta, Stored.decode(Sum.self, c))), to: sums)
      }
    }
    if let bias = product.bias { add(bias.assumingMemoryBound(to: Sum.self), tile, place) }
    if let residual = product.residual {
      forEach(tile, place, with: residual, product.residual_stride) { sums, residual in
        Sum.store(Sum.add(Sum.load(sums), Stored.decode(Sum.self, residual)), to: sums)
      }
    }
    if let preactivation = product.preactivation { store(tile, preactivation, place) }
    let count = place.rows &* Numbers.tileColumns
    activate(tile, count, product.activation)
    if let mask = product.mask {
      if product.mask_activation == SO_ACTIVATION_RELU {
        forEach(tile, place, with: mask, product.mask_stride) { sums, mask in
          let gate = Stored.decode(Sum.self, mask)
          Sum.store(Sum.keep(Sum.load(sums), where: gate), to: sums)
        }
      } else {
        forEach(saved, place, with: mask, product.mask_stride) { saved, mask in
          Sum.store(Stored.decode(Sum.self, mask), to: saved)
        }
        differentiate(saved, count, product.mask_activation)
        let factors = saved
        var index = 0
        while index < count {
          let product = Sum.multiply(Sum.load(tile + index), Sum.load(factors + index))
          Sum.store(product, to: tile + index)
          index &+= Numbers.lanes
        }
      }
    }
    store(tile, product.c, place)
    addColumns(place)
  }

  /// Adds what was stored in C to the sums of its columns.
  @inline(__always)
  func addColumns(_ place: Place) {
    if columnSums.plain != nil || columnSums.squares != nil { addAllColumns(place) }
  }

  private func addAllColumns(_ place: Place) {
    let c = target(place)
    var left = LaneSums<Sum>(columnSums, 0, areNew: place.isFirst)
    var right = LaneSums<Sum>(columnSums, Numbers.lanes, areNew: place.isFirst)
    // bfloat16 numbers have squares that are exact in float32, where a tile's few are summed up.
    let areShort = Stored.self == BFloat16.self && Sum.self == Float.self
    var row = UnsafePointer(c.start)
    for _ in 0..<place.rows {
      let elements = columns(row, place)
      left.add(Stored.decode(Sum.self, elements), areShort: areShort)
      right.add(Stored.decode(Sum.self, elements + Numbers.lanes), areShort: areShort)
      row += c.stride
    }
    left.store(columnSums, 0, areShort: areShort)
    right.store(columnSums, Numbers.lanes, areShort: areShort)
  }

  private func add(
    _ bias: UnsafePointer<Sum>, _ tile: UnsafeMutablePointer<Sum>, _ place: Place
  ) {
    // Of whole vectors, which the caller's may not have.
    for lane in 0..<place.columns { saved[lane] = bias[place.column &+ lane] }
    let (left, right) = (Sum.load(saved), Sum.load(saved + Numbers.lanes))
    var sums = tile
    for _ in 0..<place.rows {
      Sum.store(Sum.add(Sum.load(sums), left), to: sums)
      Sum.store(Sum.add(Sum.load(sums + Numbers.lanes), right), to: sums + Numbers.lanes)
      sums += Numbers.tileColumns
    }
  }

  /// A tile's row of a matrix, as wide as a tile.
  @inline(__always)
  private func columns(_ row: UnsafePointer<Stored>, _ place: Place) -> UnsafePointer<Stored> {
    if place.columns == Numbers.tileColumns { return row }
    for column in 0..<place.columns { edge[column] = row[column] }
    return UnsafePointer(edge)
  }

  private func store(
    _ tile: UnsafeMutablePointer<Sum>, _ matrix: UnsafeMutableRawPointer, _ place: Place
  ) {
    let stride = Int(product.c_stride)
    var target = first(UnsafeRawPointer(matrix), stride, place)
    var sums = tile
    for _ in 0..<place.rows {
      let isWhole = place.columns == Numbers.tileColumns
      let row = isWhole ? target : edge
      Stored.encode(Sum.self, Sum.load(sums), to: row)
      Stored.encode(Sum.self, Sum.load(sums + Numbers.lanes), to: row + Numbers.lanes)
      if !isWhole { for column in 0..<place.columns { target[column] = edge[column] } }
      sums += Numbers.tileColumns
      target += stride
    }
  }

  /// The tile's first element in a matrix like C.
  @inline(__always)
  private func first(_ matrix: UnsafeRawPointer, _ stride: Int, _ place: Place)
    -> UnsafeMutablePointer<Stored>
  {
    UnsafeMutableRawPointer(mutating: matrix).assumingMemoryBound(to: Stored.self)
      + (place.row &* stride &+ place.column)
  }

  /// Every vector of a tile.
  @inline(__always)
  private func forEach(
    _ tile: UnsafeMutablePointer<Sum>, _ place: Place, _ body: (UnsafeMutablePointer<Sum>) -> Void
  ) {
    var sums = tile
    for _ in 0..<place.rows {
      body(sums)
      body(sums + Numbers.lanes)
      sums += Numbers.tileColumns
    }
  }

  /// Every vector of a tile, with the elements of a matrix like C that are at its place.
  @inline(__always)
  private func forEach(
    _ tile: UnsafeMutablePointer<Sum>, _ place: Place, with matrix: UnsafeRawPointer,
    _ stride: Int64, _ body: (UnsafeMutablePointer<Sum>, UnsafePointer<Stored>) -> Void
  ) {
    var sums = tile
    var row = UnsafePointer(first(matrix, Int(stride), place))
    for _ in 0..<place.rows {
      let elements = columns(row, place)
      body(sums, elements)
      body(sums + Numbers.lanes, elements + Numbers.lanes)
      sums += Numbers.tileColumns
      row += Int(stride)
    }
  }
}

/// The sums of a vector of columns while they are in registers.
private struct LaneSums<Sum: SumScalar> {
  private var plain = Sum.noColumns
  private var squares = Sum.noColumns
  private var shortPlain = Sum.zeros
  private var shortSquares = Sum.zeros

  @inline(__always)
  init(_ sums: ColumnSums, _ lane: Int, areNew: Bool) {
    if areNew { return }
    if let sums = sums.plain { plain = Sum.loadColumns(sums + lane) }
    if let sums = sums.squares { squares = Sum.loadColumns(sums + lane) }
  }

  @inline(__always)
  mutating func add(_ values: Sum.Vector, areShort: Bool) {
    if areShort {
      shortPlain = Sum.add(shortPlain, values)
      shortSquares = Sum.add(shortSquares, Sum.multiply(values, values))
    } else {
      plain = Sum.addColumns(values, plain)
      squares = Sum.addSquares(values, squares)
    }
  }

  @inline(__always)
  func store(_ sums: ColumnSums, _ lane: Int, areShort: Bool) {
    if let sums = sums.plain {
      Sum.storeColumns(areShort ? Sum.addColumns(shortPlain, plain) : plain, to: sums + lane)
    }
    if let sums = sums.squares {
      Sum.storeColumns(areShort ? Sum.addColumns(shortSquares, squares) : squares, to: sums + lane)
    }
  }
}
