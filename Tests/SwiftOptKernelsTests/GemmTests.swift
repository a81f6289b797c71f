import CSwiftOpt
import SwiftOptShims
import TestSupport
import XCTest

/// Matrix products against a triple loop in float64.
///
/// The error model is Higham 2002, "Accuracy and stability of numerical algorithms",
/// equation 3.5: a sum of K products, in any order and fused or not, is off by at most
/// K · u · Σ|a||b| to first order; scaling it and adding beta · D rounds three times more.
final class GemmTests: XCTestCase {
  private let sizes = [0, 1, 3, 7, 16, 17, 33]
  /// alpha and beta, exact in any precision.
  private let coefficients = [(1.0, 0.0), (0.5, -1.25), (-2.0, 1.0)]

  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    products(level, Float.self)
    products(level, Double.self)
  }

  private func products<Scalar: TestScalar>(_ level: InstructionLevel, _ scalar: Scalar.Type) {
    var shapes = sizes.flatMap { rows in
      sizes.flatMap { columns in sizes.map { (rows, columns, $0) } }
    }
    // The last two are deeper than what is packed at a time, and wider than a task's part.
    shapes += [(100, 257, 63), (13, 40, 256), (50, 150, 257), (99, 130, 600)]
    for (index, (rows, columns, depth)) in shapes.enumerated() {
      for (turn, transposes) in [(false, false), (false, true), (true, false), (true, true)]
        .enumerated()
      {
        let (alpha, beta) = coefficients[(index + turn) % coefficients.count]
        let product = Product<Scalar>(
          rows: rows, columns: columns, depth: depth, transposes: transposes,
          gap: index % 2 * 3, alpha: alpha, beta: beta, seed: index)
        let name = "\(rows) × \(columns) × \(depth), \(transposes), \(alpha), \(beta), \(level)"
        product.run(level)
        XCTAssertEqual(product.elementsOutOfBound, 0, name)
        XCTAssertTrue(product.c.gapsAreUntouched, name)
        XCTAssertTrue(product.d.gapsAreUntouched, name)
      }
    }
  }

  /// As in BLAS: what is multiplied by a coefficient of 0 isn't looked at.
  func testZeroCoefficientsHideWhatIsNotANumber() {
    for level in InstructionLevel.supported {
      var random = SplitMix64(seed: 1)
      let nans = TestMatrix<Float>(rows: 20, columns: 20) { _, _ in .nan }
      let numbers = TestMatrix<Float>(rows: 20, columns: 20, &random)
      let c = TestMatrix<Float>(rows: 20, columns: 20) { _, _ in .nan }
      multiply(level, nans, nans, c, c, alpha: 0, beta: 0)
      XCTAssertEqual(c.elements, Array(repeating: 0, count: 400))
      multiply(level, nans, nans, numbers, c, alpha: 0, beta: 1)
      XCTAssertEqual(c.elements, numbers.elements)
      multiply(level, numbers, numbers, nans, c, alpha: 1, beta: 0)
      XCTAssertFalse(c.elements.contains { $0.isNaN })
      multiply(level, numbers, numbers, nans, c, alpha: 1, beta: 1)
      XCTAssertTrue(c.elements.allSatisfy(\.isNaN))
    }
  }

  func testInPlaceAddsToC() {
    for level in InstructionLevel.supported {
      let apart = Product<Float>(
        rows: 40, columns: 70, depth: 300, transposes: (false, true), gap: 0, alpha: 0.5,
        beta: -1.25, seed: 5)
      apart.run(level)
      multiply(
        level, apart.a, apart.b, apart.d, apart.d, bIsTransposed: true, alpha: 0.5, beta: -1.25)
      XCTAssertTrue(haveSameBits(apart.d.elements, apart.c.elements), "\(level)")
    }
  }

  /// A · Aᵀ and a polynomial of it, with half of the work.
  func testASymmetricProductHasTheSameBits() {
    for level in InstructionLevel.supported {
      for size in [1, 5, 40, 130] {
        var random = SplitMix64(seed: size)
        let a = TestMatrix<Float>(rows: size, columns: 300, &random)
        let all = TestMatrix<Float>(rows: size, columns: size) { _, _ in 0 }
        let half = TestMatrix<Float>(rows: size, columns: size) { _, _ in 0 }
        multiply(level, a, a, all, all, bIsTransposed: true, alpha: 1, beta: 0)
        multiply(level, a, a, half, half, bIsTransposed: true, isSymmetric: true, alpha: 1, beta: 0)
        XCTAssertTrue(haveSameBits(half.elements, all.elements), "\(size), \(level)")

        let square = TestMatrix<Float>(rows: size, columns: size) { _, _ in 0 }
        let halfSquare = TestMatrix<Float>(rows: size, columns: size) { _, _ in 0 }
        multiply(level, all, all, all, square, alpha: 2, beta: -4)
        multiply(level, all, all, all, halfSquare, isSymmetric: true, alpha: 2, beta: -4)
        XCTAssertTrue(haveSameBits(halfSquare.elements, square.elements), "\(size), \(level)")
      }
    }
  }

  func testTheThreadCountDoesNotChangeBits() {
    let before = so_pool_get_threads()
    defer { so_pool_set_threads(before) }
    for level in InstructionLevel.supported {
      for (rows, columns, depth) in [(300, 300, 300), (97, 500, 40), (30, 31, 1000)] {
        let results = [1, 2, 5].map { threads -> [Float] in
          so_pool_set_threads(Int32(threads))
          let product = Product<Float>(
            rows: rows, columns: columns, depth: depth, transposes: (true, false), gap: 0,
            alpha: 0.5, beta: -1.25, seed: 8)
          product.run(level)
          return product.c.elements
        }
        XCTAssertTrue(haveSameBits(results[0], results[1]), "\(level)")
        XCTAssertTrue(haveSameBits(results[0], results[2]), "\(level)")
      }
    }
  }
}

/// Random operands, and what becomes of them.
private struct Product<Scalar: TestScalar> {
  let a, b, c, d: TestMatrix<Scalar>
  let transposes: (a: Bool, b: Bool)
  let depth: Int
  let alpha, beta: Double

  init(
    rows: Int, columns: Int, depth: Int, transposes: (a: Bool, b: Bool), gap: Int,
    alpha: Double, beta: Double, seed: Int
  ) {
    var random = SplitMix64(seed: seed)
    self.transposes = transposes
    self.depth = depth
    self.alpha = alpha
    self.beta = beta
    a = TestMatrix(
      rows: transposes.a ? depth : rows, columns: transposes.a ? rows : depth, gap: gap, &random)
    b = TestMatrix(
      rows: transposes.b ? columns : depth, columns: transposes.b ? depth : columns,
      gap: gap + 1, &random)
    c = TestMatrix(rows: rows, columns: columns, gap: gap) { _, _ in .nan }
    d = TestMatrix(rows: rows, columns: columns, gap: gap + 2, &random)
  }

  func run(_ level: InstructionLevel) {
    multiply(
      level, a, b, d, c, aIsTransposed: transposes.a, bIsTransposed: transposes.b, alpha: alpha,
      beta: beta)
  }

  var elementsOutOfBound: Int {
    var count = 0
    for row in 0..<c.rows {
      for column in 0..<c.columns {
        var (sum, magnitude) = (0.0, 0.0)
        for step in 0..<depth {
          let term =
            a.element(row, step, transposed: transposes.a)
            * b.element(step, column, transposed: transposes.b)
          sum += term
          magnitude += term.magnitude
        }
        let addend = beta * Double(d[row, column])
        let expected = alpha * sum + addend
        let bound =
          Double(depth + 3) * Scalar.precision.unit
          * (alpha.magnitude * magnitude + addend.magnitude)
        let error = (Double(c[row, column]) - expected).magnitude
        // A result that is not a number is out of bound too.
        if !(error <= bound) { count += 1 }
      }
    }
    return count
  }
}

private func multiply<Scalar: TestScalar>(
  _ level: InstructionLevel, _ a: TestMatrix<Scalar>, _ b: TestMatrix<Scalar>,
  _ d: TestMatrix<Scalar>, _ c: TestMatrix<Scalar>,
  aIsTransposed: Bool = false, bIsTransposed: Bool = false, isSymmetric: Bool = false,
  alpha: Double, beta: Double
) {
  let depth = aIsTransposed ? a.rows : a.columns
  let bytes = so_gemm_workspace_size(
    Int64(MemoryLayout<Scalar>.size), Int64(c.rows), Int64(c.columns), Int64(depth))
  let workspace = GuardedBuffer<Int64>(repeating: 0, count: (Int(bytes) + 7) / 8, .end)
  var call = so_gemm(
    dtype: Scalar.dtype, a_is_transposed: aIsTransposed ? 1 : 0,
    b_is_transposed: bIsTransposed ? 1 : 0, is_symmetric: isSymmetric ? 1 : 0,
    rows: Int64(c.rows), columns: Int64(c.columns), depth: Int64(depth),
    a: a.buffer.raw, b: b.buffer.raw, d: d.buffer.raw, c: c.buffer.raw,
    a_stride: Int64(a.stride), b_stride: Int64(b.stride), c_stride: Int64(c.stride),
    d_stride: Int64(d.stride), alpha: alpha, beta: beta, workspace: workspace.raw)
  withExtendedLifetime((workspace, a, b, c, d)) { level.kernels.gemm!(&call) }
}
