import CSwiftOpt
import SwiftOptShims
import TestSupport
import XCTest

/// What becomes of a product's elements before they are stored, and sums of them.
final class EpilogueTests: XCTestCase {
  private let shapes = [(1, 1), (5, 16), (12, 32), (13, 33), (30, 50), (130, 70)]
  private let dtypes: [(MatrixDtype, MatrixDtype)] = [
    (.float32, .float32), (.float64, .float64), (.bfloat16, .bfloat16), (.bfloat16, .float32),
    (.float64, .bfloat16),
  ]

  private func forEach(_ body: (ProductLevel, inout TestProduct, String) -> Void) {
    for level in ProductLevel.supported {
      for (rows, columns) in shapes {
        for (operand, result) in dtypes {
          var product = TestProduct(
            rows, columns, 20, transposes: (false, true), gap: rows % 2,
            dtypes: (operand, operand, result), seed: rows + columns)
          body(level, &product, "\(rows) × \(columns), \(operand), \(result), \(level)")
        }
      }
    }
  }

  func testBiasAndResidual() {
    forEach { level, product, name in
      let c = product.c
      var random = SplitMix64(seed: 3)
      let bias: [Float] = random.numbers(c.columns, exponents: -1...1)
      product.bias = bias.map { Double($0) }
      product.residual = ProductMatrix(rows: c.rows, columns: c.columns, gap: 1, c.dtype, &random)
      (product.alpha, product.beta) = (0.5, 2)
      product.run(level)
      XCTAssertEqual(product.elementsOutOfBound, 0, name)
      XCTAssertTrue(c.gapsAreUntouched, name)
    }
  }

  /// Against sums of what was stored in float64: off by at most n · u · Σ|x| for n additions
  /// (Higham 2002, equation 4.4), of which those of bfloat16 numbers in a tile, of 12 rows at
  /// most, are in float32 before those of the tiles.
  func testSumsOfColumns() {
    forEach { level, product, name in
      let (sums, squares) = product.run(level)
      for column in 0..<product.c.columns {
        let values = (0..<product.c.rows).map { product.c[$0, column] }
        let sum = values.reduce(0, +)
        let squareSum = values.map { $0 * $0 }.reduce(0, +)
        let isShort = product.c.dtype == .bfloat16 && !product.isFloat64
        let unit = 0x1p-52 * Double(values.count) + (isShort ? 12 * 0x1p-24 : 0)
        let magnitude = values.map(\.magnitude).reduce(0, +)
        XCTAssertEqual(sums[column], sum, accuracy: unit * magnitude, name)
        XCTAssertEqual(squares[column], squareSum, accuracy: unit * squareSum, name)
      }
    }
  }

  func testReLUAndItsMask() {
    forEach { level, product, name in
      product.run(level)
      let plain = product.c
      let values = (0..<plain.rows).map { row in (0..<plain.columns).map { plain[row, $0] } }
      let preactivation = ProductMatrix(
        rows: plain.rows, columns: plain.columns, gap: plain.stride - plain.columns, plain.dtype
      ) { _, _ in .nan }
      product.run(level) {
        $0.activation = Int32(SO_ACTIVATION_RELU)
        $0.preactivation = preactivation.pointer
      }
      var random = SplitMix64(seed: 4)
      let mask = ProductMatrix(rows: plain.rows, columns: plain.columns, plain.dtype, &random)
      for row in 0..<plain.rows {
        for column in 0..<plain.columns {
          XCTAssertEqual(preactivation[row, column], values[row][column], name)
          XCTAssertEqual(plain[row, column], max(values[row][column], 0), name)
        }
      }
      product.run(level) {
        $0.mask_activation = Int32(SO_ACTIVATION_RELU)
        $0.mask = UnsafeRawPointer(mask.pointer)
        $0.mask_stride = Int64(mask.stride)
      }
      for row in 0..<plain.rows {
        for column in 0..<plain.columns {
          let expected = mask[row, column] > 0 ? values[row][column] : 0
          XCTAssertEqual(plain[row, column], expected, name)
        }
      }
    }
  }
}
