import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// The Newton-Schulz iteration that makes a matrix orthogonal, or nearly so.
///
/// Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks": with X
/// divided by its Frobenius norm, an odd polynomial of degree 5 is applied to it `steps`
/// times, which drives all singular values towards 1:
///
///     X ← a · X + (b · A + c · A²) · X       with A = X · Xᵀ
///
/// Its coefficients are those of the steepest slope at 0, so the values end between about
/// 0.7 and 1.2 rather than at 1. For a matrix with more rows than columns, A = Xᵀ · X
/// stands on the other side, which is the same as to transpose it before and after.
struct NewtonSchulz {
  let dtype: so_dtype
  let rows: Int
  let columns: Int
  let kernels: so_kernels
  /// `workspaceBytes`, aligned to 16.
  let workspace: UnsafeMutableRawPointer

  private static let coefficients = (a: 3.4445, b: -4.7750, c: 2.0315)

  /// What one matrix needs: another matrix of its size, the two of the polynomial, and what
  /// the products pack.
  static func workspaceBytes(rows: Int, columns: Int, dtype: so_dtype) -> Int {
    let size = dtype == SO_FLOAT64 ? 8 : 4
    let side = min(rows, columns)
    return rows * columns * size + 2 * side * side * size
      + gemmBytes(rows: rows, columns: columns, size: size)
  }

  /// A dtype's larger product: both have sides of the matrix, in one order or the other.
  private static func gemmBytes(rows: Int, columns: Int, size: Int) -> Int {
    let side = min(rows, columns)
    func bytes(_ rows: Int, _ columns: Int, _ depth: Int) -> Int {
      Int(so_gemm_workspace_size(Int64(size), Int64(rows), Int64(columns), Int64(depth)))
    }
    return max(bytes(side, side, max(rows, columns)), bytes(rows, columns, side)) + 8
  }

  /// Makes the matrix at `x` orthogonal, row after row without gaps. One of zeros stays.
  func run(_ x: UnsafeMutableRawPointer, steps: Int, eps: Double) {
    if dtype == SO_FLOAT32 {
      run(x.assumingMemoryBound(to: Float.self), steps, eps)
    } else {
      run(x.assumingMemoryBound(to: Double.self), steps, eps)
    }
  }

  private func run<Scalar: RealScalar>(
    _ x: UnsafeMutablePointer<Scalar>, _ steps: Int, _ eps: Double
  ) {
    let other = workspace.assumingMemoryBound(to: Scalar.self)
    // The iterations go from one array to the other and back; the last one ends in `x`.
    var (from, to) = steps % 2 == 0 ? (x, other) : (other, x)
    normalize(x, into: from, eps)
    for _ in 0..<steps {
      iterate(from, into: to)
      swap(&from, &to)
    }
  }

  /// `target = source / (|source| + eps)`. The sum of squares is in float64 over tiles of a
  /// fixed size in a fixed order.
  private func normalize<Scalar: RealScalar>(
    _ source: UnsafeMutablePointer<Scalar>, into target: UnsafeMutablePointer<Scalar>,
    _ eps: Double
  ) {
    let count = rows * columns
    let tile = Int(SO_TILE_ELEMENTS)
    var sum = 0.0
    for begin in stride(from: 0, to: count, by: tile) {
      sum += kernels.square_sum!(dtype, dtype, source + begin, Int64(min(tile, count - begin))).sum
    }
    // In float64: float32 has neither each norm nor each eps.
    let norm = sum.squareRoot() + eps
    for index in 0..<count {
      target[index] = norm == 0 ? 0 : Scalar(Double(source[index]) / norm)
    }
  }

  private func iterate<Scalar: RealScalar>(
    _ x: UnsafeMutablePointer<Scalar>, into result: UnsafeMutablePointer<Scalar>
  ) {
    let side = min(rows, columns)
    let gram = workspace.assumingMemoryBound(to: Scalar.self) + rows * columns
    let polynomial = gram + side * side
    let isTall = rows > columns
    let (a, b, c) = Self.coefficients
    let wholeX = Operand(matrix: x, stride: columns)
    let wholeGram = Operand(matrix: gram, stride: side)
    let wholePolynomial = Operand(matrix: polynomial, stride: side)

    multiply(
      1, isTall ? wholeX.transposed : wholeX, isTall ? wholeX : wholeX.transposed,
      plus: 0, wholeGram, into: gram, side, side, depth: max(rows, columns), isSymmetric: true)
    multiply(
      c, wholeGram, wholeGram,
      plus: b, wholeGram, into: polynomial, side, side, depth: side, isSymmetric: true)
    multiply(
      1, isTall ? wholeX : wholePolynomial, isTall ? wholePolynomial : wholeX,
      plus: a, wholeX, into: result, rows, columns, depth: side)
  }

  private struct Operand<Scalar> {
    let matrix: UnsafePointer<Scalar>
    let stride: Int
    var isTransposed: Int32 = 0

    init(matrix: UnsafeMutablePointer<Scalar>, stride: Int) {
      self.matrix = UnsafePointer(matrix)
      self.stride = stride
    }

    var transposed: Operand {
      var result = self
      result.isTransposed = 1
      return result
    }
  }

  /// C = alpha · A · B + beta · D, where C is as wide in memory as D.
  private func multiply<Scalar: RealScalar>(
    _ alpha: Double, _ a: Operand<Scalar>, _ b: Operand<Scalar>,
    plus beta: Double, _ d: Operand<Scalar>, into c: UnsafeMutablePointer<Scalar>,
    _ rows: Int, _ columns: Int, depth: Int, isSymmetric: Bool = false
  ) {
    let side = min(self.rows, self.columns)
    let packing =
      workspace + (self.rows * self.columns + 2 * side * side) * MemoryLayout<Scalar>.size
    var product = so_gemm(
      dtype: dtype, a_is_transposed: a.isTransposed, b_is_transposed: b.isTransposed,
      is_symmetric: isSymmetric ? 1 : 0, rows: Int64(rows), columns: Int64(columns),
      depth: Int64(depth), a: a.matrix, b: b.matrix, d: d.matrix, c: c,
      a_stride: Int64(a.stride), b_stride: Int64(b.stride), c_stride: Int64(d.stride),
      d_stride: Int64(d.stride), alpha: alpha, beta: beta, workspace: packing)
    kernels.gemm!(&product)
  }
}
