import SwiftOptShims

/// Rows of a tile, and of a packed panel of A: with two vectors per row, as many as there
/// are registers for. AVX-512 has 32, of which 24 hold the tile, the others 16 and 12.
#if SWIFTOPT_AVX512
  @inline(__always)
  var gemmTileRows: Int { 12 }
#else
  @inline(__always)
  var gemmTileRows: Int { 6 }
#endif

// These two are the only functions of the library with fused multiply-adds. They are kept
// out of line under these names, by which the build's check of the levels knows them.

@inline(never)
func gemmTileFloat(
  _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ depth: Int,
  _ tile: UnsafeMutablePointer<Float>
) { accumulateTile(a, b, depth, tile) }

@inline(never)
func gemmTileDouble(
  _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ depth: Int,
  _ tile: UnsafeMutablePointer<Double>
) { accumulateTile(a, b, depth, tile) }

/// Two neighbouring vectors of a tile's row.
private struct GemmRow<Scalar: GemmScalar> {
  var left = Scalar.zeros
  var right = Scalar.zeros

  @inline(__always)
  mutating func add(_ a: Scalar, _ b: GemmRow) {
    left = Scalar.multiplyAdd(a, b.left, left)
    right = Scalar.multiplyAdd(a, b.right, right)
  }

  @inline(__always)
  func store(_ row: Int, of tile: UnsafeMutablePointer<Scalar>) {
    let start = tile + row &* 2 &* Scalar.lanes
    Scalar.store(left, to: start)
    Scalar.store(right, to: start + Scalar.lanes)
  }
}

/// The product of a panel of A and a panel of B, a rank-one update for each step of the
/// depth. Variables instead of an array: the rows have to stay in registers.
@inline(__always)
private func accumulateTile<Scalar: GemmScalar>(
  _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ depth: Int,
  _ tile: UnsafeMutablePointer<Scalar>
) {
  var row0 = GemmRow<Scalar>()
  var row1 = row0
  var row2 = row0
  var row3 = row0
  var row4 = row0
  var row5 = row0
  #if SWIFTOPT_AVX512
    var row6 = row0
    var row7 = row0
    var row8 = row0
    var row9 = row0
    var row10 = row0
    var row11 = row0
  #endif
  var a = a
  var b = b
  for _ in 0..<depth {
    let other = GemmRow<Scalar>(left: Scalar.load(b), right: Scalar.load(b + Scalar.lanes))
    row0.add(a[0], other)
    row1.add(a[1], other)
    row2.add(a[2], other)
    row3.add(a[3], other)
    row4.add(a[4], other)
    row5.add(a[5], other)
    #if SWIFTOPT_AVX512
      row6.add(a[6], other)
      row7.add(a[7], other)
      row8.add(a[8], other)
      row9.add(a[9], other)
      row10.add(a[10], other)
      row11.add(a[11], other)
    #endif
    a += gemmTileRows
    b += 2 &* Scalar.lanes
  }
  row0.store(0, of: tile)
  row1.store(1, of: tile)
  row2.store(2, of: tile)
  row3.store(3, of: tile)
  row4.store(4, of: tile)
  row5.store(5, of: tile)
  #if SWIFTOPT_AVX512
    row6.store(6, of: tile)
    row7.store(7, of: tile)
    row8.store(8, of: tile)
    row9.store(9, of: tile)
    row10.store(10, of: tile)
    row11.store(11, of: tile)
  #endif
}
