import CSwiftOpt
import SwiftOptShims
import TestSupport

/// A product with random operands, and what it must give.
///
/// The error model is Higham 2002, "Accuracy and stability of numerical algorithms", equation
/// 3.5: a sum of K products, in any order and fused or not, is off by at most K · u · Σ|a||b| to
/// first order; scaling it and each addend round once more, and so does storing it.
struct TestProduct {
  let a, b, c: ProductMatrix
  let before: ProductMatrix
  let transposes: (a: Bool, b: Bool)
  let depth: Int
  var alpha = 1.0
  var beta = 0.0
  var packsB = false
  var isSymmetric = false
  var bias: [Double]?
  var residual: ProductMatrix?

  init(
    _ rows: Int, _ columns: Int, _ depth: Int, transposes: (a: Bool, b: Bool) = (false, false),
    gap: Int = 0, dtypes: (MatrixDtype, MatrixDtype, MatrixDtype), seed: Int = 1
  ) {
    var random = SplitMix64(seed: seed)
    self.transposes = transposes
    self.depth = depth
    a = ProductMatrix(
      rows: transposes.a ? depth : rows, columns: transposes.a ? rows : depth, gap: gap,
      dtypes.0, &random)
    b = ProductMatrix(
      rows: transposes.b ? columns : depth, columns: transposes.b ? depth : columns,
      gap: gap * 2, dtypes.1, &random)
    before = ProductMatrix(rows: rows, columns: columns, dtypes.2, &random)
    c = ProductMatrix(rows: rows, columns: columns, gap: gap * 3, dtypes.2) { [before] in
      before[$0, $1]
    }
  }

  var isFloat64: Bool { a.dtype == .float64 || b.dtype == .float64 }

  /// Runs it, with a workspace that ends with its last byte, and returns the columns' sums.
  @discardableResult
  func run(_ level: ProductLevel, change: (inout so_product) -> Void = { _ in })
    -> (sums: [Double], squares: [Double])
  {
    let functions = level.functions
    let sums = GuardedBuffer<Double>(repeating: .nan, count: c.columns, .end)
    let squares = GuardedBuffer<Double>(repeating: .nan, count: c.columns, .end)
    let biasFloats = GuardedBuffer<Float>((bias ?? []).map { Float($0) }, .end)
    let biasDoubles = GuardedBuffer<Double>(bias ?? [], .end)
    var product = so_product(
      rows: Int64(c.rows), columns: Int64(c.columns), depth: Int64(depth),
      a: operand(a, transposes.a), b: operand(b, transposes.b), c: c.pointer,
      c_stride: Int64(c.stride), c_dtype: c.dtype.code, activation: 0, mask_activation: 0,
      is_symmetric: isSymmetric ? 1 : 0, may_use_library: 0, reserved: 0, alpha: alpha, beta: beta,
      bias: bias == nil ? nil : isFloat64 ? biasDoubles.raw : biasFloats.raw,
      residual: residual?.pointer, residual_stride: Int64(residual?.stride ?? 0),
      preactivation: nil, mask: nil, mask_stride: 0, column_sums: sums.pointer,
      column_square_sums: squares.pointer, workspace: nil)
    change(&product)
    let packed = AlignedMemory(packsB ? Int(functions.packed_size!(&product)) : 0)
    if packsB {
      functions.pack!(&product, packed.start)
      product.b.data = UnsafeRawPointer(packed.start)
      product.b.is_packed = 1
    }
    let workspace = AlignedMemory(Int(functions.workspace_size!(&product)))
    product.workspace = workspace.start
    withExtendedLifetime((packed, workspace, biasFloats, biasDoubles)) {
      functions.multiply!(&product)
    }
    return (sums.elements, squares.elements)
  }

  private func operand(_ matrix: ProductMatrix, _ isTransposed: Bool) -> so_operand {
    so_operand(
      data: matrix.pointer, stride: Int64(matrix.stride), dtype: matrix.dtype.code,
      is_transposed: isTransposed ? 1 : 0, is_packed: 0, reserved: 0)
  }

  /// Σ a b and Σ|a b| with the factors as they are multiplied.
  func sum(_ row: Int, _ column: Int) -> (value: Double, magnitude: Double) {
    let isBFloat16 = (a.dtype == .bfloat16 || b.dtype == .bfloat16) && !isFloat64
    var (value, magnitude) = (0.0, 0.0)
    for step in 0..<depth {
      var x = transposes.a ? a[step, row] : a[row, step]
      var y = transposes.b ? b[column, step] : b[step, column]
      if isBFloat16 {
        x = MatrixDtype.bfloat16.nearest(x)
        y = MatrixDtype.bfloat16.nearest(y)
      }
      value += x * y
      magnitude += (x * y).magnitude
    }
    return (value, magnitude)
  }

  /// Before it is stored, with a bound on the error that it may have then.
  func expected(_ row: Int, _ column: Int) -> (value: Double, error: Double) {
    let sum = alpha == 0 ? (value: 0, magnitude: 0) : sum(row, column)
    var value = alpha * sum.value
    var magnitude = (alpha * sum.magnitude).magnitude
    for addend in [
      beta == 0 ? 0 : beta * before[row, column], bias?[column] ?? 0,
      residual?[row, column] ?? 0,
    ] {
      value += addend
      magnitude += addend.magnitude
    }
    let unit = isFloat64 ? 0x1p-52 : 0x1p-24
    return (value, Double(depth + 5) * unit * magnitude)
  }

  var elementsOutOfBound: Int {
    var count = 0
    for row in 0..<c.rows {
      for column in 0..<c.columns {
        let (value, error) = expected(row, column)
        let bound = error + c.dtype.unit * (value.magnitude + error)
        // A result that is not a number is out of bound too.
        if !((c[row, column] - value).magnitude <= bound) { count += 1 }
      }
    }
    return count
  }
}

/// Memory aligned to 64 that ends, but for what that takes, before a page that can't be touched.
final class AlignedMemory {
  private let buffer: GuardedBuffer<UInt8>

  init(_ bytes: Int) {
    buffer = GuardedBuffer(repeating: 0xFF, count: (bytes + 63) / 64 * 64, .end)
  }

  var start: UnsafeMutableRawPointer { buffer.raw }
}
