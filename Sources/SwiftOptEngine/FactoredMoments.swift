import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// The factored second moments of a tensor's matrices during one step.
///
/// Tasks sum up the squares of the gradient over rows and columns, each over a run of whole
/// rows; `finish` then advances the averages. Sums have an order that follows from the
/// shape, whichever thread does which task.
struct FactoredMoments {
  let dtype: so_dtype
  let count: Int
  let rows: Int
  let columns: Int
  /// The state: averages for all rows, and for all columns, in the computation's dtype.
  let rowMoments: UnsafeMutableRawPointer
  let columnMoments: UnsafeMutableRawPointer
  /// `workspaceBytes`, aligned to 16. What `finish` leaves there is needed until the
  /// tensor's last quotient.
  let workspace: UnsafeMutableRawPointer

  /// A task gets about this many elements, and a matrix at most so many tasks, because each
  /// has sums for all columns.
  private static let taskElements = 32_768
  private static let largestBlockCount = 32

  static func workspaceBytes(count: Int, rows: Int, columns: Int) -> Int {
    guard count > 0 else { return 0 }
    let allRows = count / columns
    let blocks = blockCount(rows, columns)
    return (2 * allRows + count / rows * blocks) * MemoryLayout<Double>.stride
  }

  /// Blocks of rows that a matrix is cut into.
  private static func blockCount(_ rows: Int, _ columns: Int) -> Int {
    let wanted = max(1, min(rows, largestBlockCount, rows * columns / taskElements))
    let blockRows = (rows + wanted - 1) / wanted
    return (rows + blockRows - 1) / blockRows
  }

  private var blockCount: Int { Self.blockCount(rows, columns) }
  private var matrixCount: Int { count / (rows * columns) }
  private var allRows: Int { count / columns }

  private var rowSums: UnsafeMutablePointer<Double> {
    workspace.assumingMemoryBound(to: Double.self)
  }
  private var rowFactors: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(rowSums + allRows)
  }
  /// `columns` for each block of each matrix.
  private var columnSums: UnsafeMutablePointer<Double> { rowSums + 2 * allRows }

  // ---------------------------------------------------------------------- sums

  /// Small matrices share a task, large ones have a task for each block.
  private var matricesPerTask: Int { max(1, Self.taskElements / (rows * columns)) }

  var taskCount: Int {
    guard blockCount == 1 else { return matrixCount * blockCount }
    return (matrixCount + matricesPerTask - 1) / matricesPerTask
  }

  /// The elements of a task, whole rows that are not shared with another one.
  func elements(ofTask task: Int) -> Range<Int> {
    if blockCount == 1 {
      let first = task * matricesPerTask
      let end = min(first + matricesPerTask, matrixCount)
      return first * rows * columns..<end * rows * columns
    }
    let blockRows = (rows + blockCount - 1) / blockCount
    let first = task % blockCount * blockRows
    let end = min(first + blockRows, rows)
    let matrixStart = task / blockCount * rows
    return (matrixStart + first) * columns..<(matrixStart + end) * columns
  }

  /// Where a task's sums go, cleared.
  func begin(task: Int) -> so_factors {
    let elements = elements(ofTask: task)
    let firstMatrix = blockCount == 1 ? task * matricesPerTask : task / blockCount
    let sums = columnSums + (blockCount == 1 ? firstMatrix : task) * columns
    let sumCount = blockCount == 1 ? elements.count / rows : columns
    sums.update(repeating: 0, count: sumCount)
    (rowSums + elements.lowerBound / columns).update(
      repeating: 0, count: elements.count / columns)
    return factors(columnSums: sums, firstMatrix: firstMatrix, least: 0)
  }

  // ------------------------------------------------------------------- moments

  /// Advances the averages from the sums of all tasks; `share` is that of the new means.
  /// The row factors are R / max(mean of R, `leastMean`), so that their product with C is V.
  func finish(share: Double, leastMean: Double) {
    if dtype == SO_FLOAT32 {
      finish(Float.self, share, leastMean)
    } else {
      finish(Double.self, share, leastMean)
    }
  }

  /// What the quotients divide by, after `finish`.
  func factors(least: Double) -> so_factors {
    factors(columnSums: columnSums, firstMatrix: 0, least: least)
  }

  private func factors(
    columnSums: UnsafeMutablePointer<Double>, firstMatrix: Int, least: Double
  ) -> so_factors {
    so_factors(
      rows: Int64(rows), columns: Int64(columns), row_sums: rowSums, column_sums: columnSums,
      first_matrix: Int64(firstMatrix), row_factors: UnsafeRawPointer(rowFactors),
      column_factors: UnsafeRawPointer(columnMoments), least: least)
  }

  private func finish<Scalar: RealScalar>(
    _ scalar: Scalar.Type, _ share: Double, _ leastMean: Double
  ) {
    let moments = rowMoments.assumingMemoryBound(to: Scalar.self)
    let factors = rowFactors.assumingMemoryBound(to: Scalar.self)
    for matrix in 0..<matrixCount {
      var sum = 0.0
      for row in matrix * rows..<(matrix + 1) * rows {
        moments[row] = advanced(moments[row], rowSums[row] / Double(columns), share)
        sum += Double(moments[row])
      }
      let mean = sum / Double(rows)
      // A mean that is not a number stays so.
      let divisor = mean < leastMean ? leastMean : mean
      for row in matrix * rows..<(matrix + 1) * rows {
        factors[row] = Scalar(ratio(Double(moments[row]), divisor))
      }
      finishColumns(matrix, scalar, share)
    }
  }

  private func finishColumns<Scalar: RealScalar>(
    _ matrix: Int, _ scalar: Scalar.Type, _ share: Double
  ) {
    let moments = columnMoments.assumingMemoryBound(to: Scalar.self) + matrix * columns
    let sums = columnSums + matrix * blockCount * columns
    for block in 1..<max(1, blockCount) {
      let others = sums + block * columns
      for column in 0..<columns { sums[column] += others[column] }
    }
    for column in 0..<columns {
      moments[column] = advanced(moments[column], sums[column] / Double(rows), share)
    }
  }

  /// Rounded once to the computation's dtype.
  private func advanced<Scalar: RealScalar>(_ old: Scalar, _ mean: Double, _ share: Double)
    -> Scalar
  {
    Scalar(Double(old) + share * (mean - Double(old)))
  }

  /// 0 / 0 is 0: with eps₁ = 0, a matrix that never had a gradient doesn't move.
  private func ratio(_ numerator: Double, _ denominator: Double) -> Double {
    denominator == 0 ? 0 : numerator / denominator
  }
}
