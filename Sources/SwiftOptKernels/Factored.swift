import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// Adds the squares of a run's prepared gradient to the sums of their rows and columns.
func factorSums(_ update: UnsafePointer<so_update>) {
  if update.pointee.dtype == SO_FLOAT32 {
    factorSums(update, Float.self)
  } else {
    factorSums(update, Double.self)
  }
}

private func factorSums<Scalar: RealScalar>(
  _ update: UnsafePointer<so_update>, _ scalar: Scalar.Type
) {
  guard let factors = update.pointee.factors?.pointee else { return }
  Pipeline<Scalar>(update).forEachChunk { chunk in
    factorSums(
      chunk.preparedGradient(chunk.decodedParameter()), chunk.index, chunk.count, factors)
  }
}

/// Sums are in float64, in the order of the elements for a column, and for a row in the
/// order of its parts, which depend on the shape and on the gradient's stages alone.
private func factorSums<Scalar: RealScalar>(
  _ gradient: UnsafePointer<Scalar>, _ index: Int, _ count: Int, _ factors: so_factors
) {
  forEachRow(index, count, factors) { row, matrix, column, begin, length in
    let part = gradient + begin
    factors.row_sums[row] += sumOfSquares(part, length)
    let sums =
      factors.column_sums
      + ((matrix &- Int(factors.first_matrix)) &* Int(factors.columns) &+ column)
    for position in 0..<length {
      let value = Double(part[position])
      sums[position] += value * value
    }
  }
}

/// Divides a run of a prepared gradient by the root of its second moment: Shazeer & Stern
/// 2018, algorithm 4, U = G / √V with V = R · C.
func factorQuotients<Scalar: RealScalar>(
  _ gradient: UnsafeMutablePointer<Scalar>, _ index: Int, _ count: Int, _ factors: so_factors
) {
  let rowFactors = factors.row_factors.assumingMemoryBound(to: Scalar.self)
  let columnFactors = factors.column_factors.assumingMemoryBound(to: Scalar.self)
  let least = Scalar(factors.least)
  forEachRow(index, count, factors) { row, matrix, column, begin, length in
    let part = gradient + begin
    let rowFactor = rowFactors[row]
    let others = columnFactors + (matrix &* Int(factors.columns) &+ column)
    for position in 0..<length {
      let variance = rowFactor * others[position]
      // A variance that is not a number stays so; one of 0, with eps₁² = 0, gives no step.
      let root = (variance < least ? least : variance).squareRoot()
      part[position] = root == 0 ? 0 : part[position] / root
    }
  }
}

/// Cuts a run of elements at the ends of rows. `body` gets the row and the matrix, counted
/// in the tensor, the part's first column, and its begin in the run and its length.
@inline(__always)
private func forEachRow(
  _ index: Int, _ count: Int, _ factors: so_factors,
  _ body: (_ row: Int, _ matrix: Int, _ column: Int, _ begin: Int, _ length: Int) -> Void
) {
  let columns = Int(factors.columns)
  let rows = Int(factors.rows)
  guard count > 0 else { return }
  var row = index / columns
  var column = index &- row &* columns
  var matrix = row / rows
  var rowsLeft = rows &- (row &- matrix &* rows)
  var begin = 0
  while begin < count {
    let length = min(columns &- column, count &- begin)
    body(row, matrix, column, begin, length)
    begin &+= length
    column = 0
    row &+= 1
    rowsLeft &-= 1
    if rowsLeft == 0 {
      matrix &+= 1
      rowsLeft = rows
    }
  }
}
