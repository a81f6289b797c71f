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
  let products: so_matrix_functions
  /// `workspaceBytes`, aligned to 16.
  let workspace: UnsafeMutableRawPointer

  private static let coefficients = (a: 3.4445, b: -4.7750, c: 2.0315)

  /// What one matrix needs: another matrix of its size, the two of the polynomial, and what
  /// the products pack.
  static func workspaceBytes(rows: Int, columns: Int, dtype: so_dtype) -> Int {
    let size = dtype == SO_FLOAT64 ? 8 : 4
    let side = min(rows, columns)
    return rows * columns * size + 2 * side * side * size
      + productBytes(rows: rows, columns: columns, dtype: dtype)
  }

  /// The most that a product needs at any level, and what aligns it to 64.
  private static func productBytes(rows: Int, columns: Int, dtype: so_dtype) -> Int {
    let side = min(rows, columns)
    let isTall = rows > columns
    var most = 0
    var level: Int32 = 0
    while level <= so_level_highest() {
      let products = Level.matrixFunctions(level)
      func need(_ rows: Int, _ columns: Int, _ depth: Int, _ a: Operand, _ b: Operand) {
        withUnsafePointer(to: product(rows, columns, depth, dtype, a, b)) {
          most = max(most, Int(products.workspace_size!($0)))
        }
      }
      let matrix = Operand(stride: columns)
      let square = Operand(stride: side)
      need(
        side, side, max(rows, columns), isTall ? matrix.transposed : matrix,
        isTall ? matrix : matrix.transposed)
      need(side, side, side, square, square)
      need(rows, columns, side, isTall ? matrix : square, isTall ? square : matrix)
      level += 1
    }
    return most + 64
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
    let wholeX = Operand(x, stride: columns)
    let wholeGram = Operand(gram, stride: side)
    let wholePolynomial = Operand(polynomial, stride: side)

    multiply(
      isTall ? wholeX.transposed : wholeX, isTall ? wholeX : wholeX.transposed, into: gram,
      side, side, depth: max(rows, columns), isSymmetric: true)
    polynomial.update(from: gram, count: side * side)
    multiply(
      wholeGram, wholeGram, times: c, plus: b, into: polynomial, side, side, depth: side,
      isSymmetric: true)
    result.update(from: x, count: rows * columns)
    multiply(
      isTall ? wholeX : wholePolynomial, isTall ? wholePolynomial : wholeX, plus: a,
      into: result, rows, columns, depth: side)
  }

  /// A factor; where a product is only measured, without an address.
  private struct Operand {
    var matrix: UnsafeRawPointer?
    let stride: Int
    var isTransposed: Int32 = 0

    init(_ matrix: UnsafeRawPointer? = nil, stride: Int) {
      self.matrix = matrix
      self.stride = stride
    }

    var transposed: Operand {
      var result = self
      result.isTransposed = 1
      return result
    }
  }

  /// C = alpha · A · B + beta · C.
  private func multiply<Scalar: RealScalar>(
    _ a: Operand, _ b: Operand, times alpha: Double = 1, plus beta: Double = 0,
    into c: UnsafeMutablePointer<Scalar>, _ rows: Int, _ columns: Int, depth: Int,
    isSymmetric: Bool = false
  ) {
    let side = min(self.rows, self.columns)
    let end = workspace + (self.rows * self.columns + 2 * side * side) * MemoryLayout<Scalar>.size
    var product = Self.product(rows, columns, depth, dtype, a, b)
    product.c = UnsafeMutableRawPointer(c)
    (product.alpha, product.beta) = (alpha, beta)
    product.is_symmetric = isSymmetric ? 1 : 0
    product.workspace = UnsafeMutableRawPointer(
      bitPattern: (UInt(bitPattern: end) + 63) & ~63)
    products.multiply!(&product)
  }

  private static func product(
    _ rows: Int, _ columns: Int, _ depth: Int, _ dtype: so_dtype, _ a: Operand, _ b: Operand
  ) -> so_product {
    let nowhere = UnsafeMutableRawPointer(bitPattern: 64)!
    func operand(_ operand: Operand) -> so_operand {
      so_operand(
        data: operand.matrix ?? UnsafeRawPointer(nowhere), stride: Int64(operand.stride),
        dtype: dtype, is_transposed: operand.isTransposed, is_packed: 0, reserved: 0)
    }
    return so_product(
      rows: Int64(rows), columns: Int64(columns), depth: Int64(depth), a: operand(a),
      b: operand(b), c: nowhere, c_stride: Int64(columns), c_dtype: dtype,
      activation: Int32(SO_ACTIVATION_NONE), mask_activation: Int32(SO_ACTIVATION_NONE),
      is_symmetric: 0, may_use_library: 0, reserved: 0, alpha: 1, beta: 0, bias: nil, residual: nil,
      residual_stride: 0,
      preactivation: nil, mask: nil, mask_stride: 0, column_sums: nil, column_square_sums: nil,
      workspace: nil)
  }
}
