import CSwiftOpt
import SwiftOptShims
import TestSupport
import XCTest

@testable import SwiftOptEngine

/// The orthogonalisation behind Muon against the same iteration in float64, written as
/// Jordan et al. 2024 have it, with the transposes that the engine leaves out.
final class NewtonSchulzTests: XCTestCase {
  private let shapes = [(1, 1), (1, 7), (9, 1), (16, 16), (5, 40), (40, 5), (70, 130), (300, 33)]

  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    for (rows, columns) in shapes {
      for steps in [1, 2, 5] {
        compare(level, Float.self, rows, columns, steps: steps)
        compare(level, Double.self, rows, columns, steps: steps)
      }
    }
  }

  /// An iteration multiplies an error by at most the polynomial's greatest slope, a = 3.4445
  /// at 0, and adds the roundings of three products of depth K, element by element about
  /// 9 · √K · u (Higham & Mary 2019, "A new approach to probabilistic rounding error
  /// analysis": √K with high probability where the worst case has K). The sum over the steps
  /// is below 1.5 times that of the first one, grown by a for each that follows.
  private func compare<Scalar: TestScalar>(
    _ level: InstructionLevel, _ scalar: Scalar.Type, _ rows: Int, _ columns: Int, steps: Int
  ) {
    let x = matrix(rows, columns, scalar)
    let result = orthogonalized(x, rows, columns, level, steps: steps)
    let expected = reference(x.map(Double.init), rows, columns, steps: steps)
    let depth = Double(max(rows, columns) + 3)
    var bound = 9 * depth.squareRoot() * Scalar.precision.unit * 1.5
    for _ in 1..<max(2, steps) { bound *= 3.4445 }
    let worst = zip(result, expected).map { (Double($0) - $1).magnitude }.max()!
    XCTAssertLessThanOrEqual(worst, bound, "\(rows) × \(columns), \(steps) steps, \(level)")
  }

  /// Five iterations take every singular value from 0.005 on into [0.68, 1.16] (by evaluating
  /// the polynomial on a fine grid; Jordan et al. give about [0.7, 1.2]).
  func testSingularValuesEndNearOne() {
    let side = 24
    let values = (0..<side).map { 0.02 + Double($0) / Double(side) }
    let norm = values.map { $0 * $0 }.reduce(0, +).squareRoot()
    let ends = values.map { value in
      var s = value / (norm + 1e-7)
      for _ in 0..<5 { s = s * (3.4445 + s * s * (-4.7750 + s * s * 2.0315)) }
      return s
    }
    XCTAssertGreaterThan(ends.min()!, 0.68)
    XCTAssertLessThan(ends.max()!, 1.2)

    // Two reflections around it: Q₁ · diag(values) · Q₂ has the same singular values.
    let (left, right) = (reflection(side, seed: 1), reflection(side, seed: 2))
    func rotated(_ diagonal: [Double]) -> [Double] {
      product(product(left, diagonalMatrix(diagonal), side, side, side), right, side, side, side)
    }
    for level in InstructionLevel.supported {
      let result = orthogonalized(rotated(values), side, side, level, steps: 5)
      for (value, expected) in zip(result, rotated(ends)) {
        XCTAssertEqual(value, expected, accuracy: 1e-9)
      }
    }
  }

  func testZerosStayZeros() {
    for eps in [0, 1e-7, 1e-60] {  // the last is 0 as a float32
      for level in InstructionLevel.supported {
        let zeros = [Float](repeating: 0, count: 12)
        XCTAssertEqual(orthogonalized(zeros, 3, 4, level, steps: 5, eps: eps), zeros)
      }
    }
  }

  /// The norm of these overflows in float32, and their squares too.
  func testHugeNumbersAreNormalized() {
    let x = matrix(8, 12, Float.self)
    let huge = x.map { $0 * 0x1p125 }
    for level in InstructionLevel.supported {
      XCTAssertEqual(
        orthogonalized(huge, 8, 12, level, steps: 5, eps: 0),
        orthogonalized(x, 8, 12, level, steps: 5, eps: 0))
    }
  }

  func testTheThreadCountDoesNotChangeBits() {
    let before = so_pool_get_threads()
    defer { so_pool_set_threads(before) }
    let x = matrix(300, 210, Float.self)
    for level in InstructionLevel.supported {
      so_pool_set_threads(1)
      let one = orthogonalized(x, 300, 210, level, steps: 5)
      so_pool_set_threads(2)
      XCTAssertTrue(haveSameBits(one, orthogonalized(x, 300, 210, level, steps: 5)), "\(level)")
    }
  }

  // ------------------------------------------------------------------ helpers

  private func matrix<Scalar: TestScalar>(_ rows: Int, _ columns: Int, _ scalar: Scalar.Type)
    -> [Scalar]
  {
    var random = SplitMix64(seed: rows * 1000 + columns)
    return random.numbers(rows * columns, exponents: -2...1)
  }

  private func orthogonalized<Scalar: TestScalar>(
    _ x: [Scalar], _ rows: Int, _ columns: Int, _ level: InstructionLevel, steps: Int,
    eps: Double = 1e-7
  ) -> [Scalar] {
    let buffer = GuardedBuffer(x, .end)
    let bytes = NewtonSchulz.workspaceBytes(rows: rows, columns: columns, dtype: Scalar.dtype)
    let workspace = GuardedBuffer<SIMD2<Int64>>(
      repeating: [0, 0], count: (bytes + 15) / 16, .end)
    let iteration = NewtonSchulz(
      dtype: Scalar.dtype, rows: rows, columns: columns, kernels: level.kernels,
      products: Level.matrixFunctions(level.rawValue), workspace: workspace.raw)
    withExtendedLifetime(workspace) { iteration.run(buffer.raw, steps: steps, eps: eps) }
    return buffer.elements
  }

  private func reference(_ x: [Double], _ rows: Int, _ columns: Int, steps: Int) -> [Double] {
    if rows > columns {
      let turned = reference(transpose(x, rows, columns), columns, rows, steps: steps)
      return transpose(turned, columns, rows)
    }
    let norm = accurateSquareSum(x).squareRoot() + 1e-7
    var x = x.map { $0 / norm }
    for _ in 0..<steps {
      let gram = product(x, transpose(x, rows, columns), rows, columns, rows)
      let square = product(gram, gram, rows, rows, rows)
      let polynomial = zip(gram, square).map { -4.7750 * $0 + 2.0315 * $1 }
      x = zip(x, product(polynomial, x, rows, rows, columns)).map { 3.4445 * $0 + $1 }
    }
    return x
  }

  private func product(_ a: [Double], _ b: [Double], _ rows: Int, _ depth: Int, _ columns: Int)
    -> [Double]
  {
    var c = [Double](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for step in 0..<depth {
        for column in 0..<columns {
          c[row * columns + column] += a[row * depth + step] * b[step * columns + column]
        }
      }
    }
    return c
  }

  private func transpose(_ x: [Double], _ rows: Int, _ columns: Int) -> [Double] {
    (0..<columns).flatMap { column in (0..<rows).map { x[$0 * columns + column] } }
  }

  private func diagonalMatrix(_ values: [Double]) -> [Double] {
    values.indices.flatMap { row in values.indices.map { $0 == row ? values[row] : 0 } }
  }

  /// I − 2vvᵀ/|v|², which is orthogonal.
  private func reflection(_ side: Int, seed: Int) -> [Double] {
    var random = SplitMix64(seed: seed)
    let v: [Double] = random.numbers(side, exponents: -1...0)
    let square = v.map { $0 * $0 }.reduce(0, +)
    return v.indices.flatMap { row in
      v.indices.map { (row == $0 ? 1 : 0) - 2 * v[row] * v[$0] / square }
    }
  }
}
