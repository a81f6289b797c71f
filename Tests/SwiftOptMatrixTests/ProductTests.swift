import CSwiftOpt
import SwiftOptShims
import TestSupport
import XCTest

/// Matrix products against sums in float64.
final class ProductTests: XCTestCase {
  private let orientations = [(false, false), (false, true), (true, false), (true, true)]
  /// alpha and beta, exact in any precision.
  private let coefficients = [(1.0, 0.0), (0.5, -1.25), (-2.0, 1.0)]

  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }
  func testAVX512BFloat16() throws { try check(.avx512BFloat16) }

  /// Every pair of dtypes, around the sizes of tiles, in every orientation.
  private func check(_ level: ProductLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    let depths = [0, 1, 2, 3, 16, 33]
    var index = 0
    for rows in [1, 2, 3, 5, 6, 7, 11, 12, 13, 17, 24, 25] {
      for columns in [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40] {
        for first in MatrixDtype.allCases {
          for second in MatrixDtype.allCases {
            index += 1
            check(
              level, rows, columns, depths[index % depths.count], orientations[index / 3 % 4],
              (first, second, MatrixDtype.allCases[index % 3]), index)
          }
        }
      }
    }
    // Rows of one panel and more, chunks and slices of the depth, rows 4 KiB apart.
    for (rows, columns, depth) in [
      (100, 129, 65), (130, 40, 801), (49, 70, 1024), (10, 33, 4501), (50, 64, 4200), (1, 1, 5000),
    ] {
      for (turn, orientation) in orientations.enumerated() {
        for dtypes in [
          (MatrixDtype.bfloat16, MatrixDtype.bfloat16, MatrixDtype.bfloat16),
          (.float32, .float32, .float32), (.float32, .bfloat16, .float32),
        ] { check(level, rows, columns, depth, orientation, dtypes, turn) }
      }
    }
  }

  private func check(
    _ level: ProductLevel, _ rows: Int, _ columns: Int, _ depth: Int,
    _ transposes: (a: Bool, b: Bool), _ dtypes: (MatrixDtype, MatrixDtype, MatrixDtype),
    _ index: Int
  ) {
    var product = TestProduct(
      rows, columns, depth, transposes: transposes, gap: index % 2, dtypes: dtypes, seed: index)
    (product.alpha, product.beta) = coefficients[index % 3]
    product.packsB = index % 5 == 0
    product.run(level)
    let name = "\(rows) × \(columns) × \(depth), \(transposes), \(dtypes), \(index), \(level)"
    XCTAssertEqual(product.elementsOutOfBound, 0, name)
    XCTAssertTrue(product.c.gapsAreUntouched, name)
  }

  /// As in BLAS: what is multiplied by a coefficient of 0 isn't looked at.
  func testZeroCoefficientsHideWhatIsNotANumber() {
    for level in ProductLevel.supported {
      for dtype in MatrixDtype.allCases {
        var product = TestProduct(20, 40, 10, dtypes: (dtype, dtype, dtype))
        for row in 0..<20 { for step in 0..<10 { product.a[row, step] = .nan } }
        (product.alpha, product.beta) = (0, 1)
        product.run(level)
        XCTAssertEqual(product.elementsOutOfBound, 0, "\(level)")
        (product.alpha, product.beta) = (1, 0)
        product.run(level)
        XCTAssertEqual(product.elementsOutOfBound, 800, "\(level)")
        (product.alpha, product.beta) = (0, 0)
        product.run(level)
        XCTAssertEqual(product.elementsOutOfBound, 0, "\(level)")
      }
    }
  }

  func testTheThreadCountDoesNotChangeBits() {
    let before = so_pool_get_threads()
    defer { so_pool_set_threads(before) }
    for level in ProductLevel.supported {
      for (rows, columns, depth) in [
        (300, 300, 300), (97, 500, 40), (30, 31, 5000), (2000, 40, 16),
      ] {
        for dtype in MatrixDtype.allCases {
          let results = [1, 2, 5].map { threads -> ([UInt8], [Double]) in
            so_pool_set_threads(Int32(threads))
            let product = TestProduct(
              rows, columns, depth, transposes: (true, false), dtypes: (dtype, dtype, dtype))
            let sums = product.run(level)
            return (product.c.bytes, sums.sums + sums.squares)
          }
          XCTAssertEqual(results[0].0, results[1].0, "\(level)")
          XCTAssertEqual(results[0].0, results[2].0, "\(level)")
          XCTAssertTrue(haveSameBits(results[0].1, results[1].1), "\(level)")
          XCTAssertTrue(haveSameBits(results[0].1, results[2].1), "\(level)")
        }
      }
    }
  }

  func testPackedBGivesTheSameBits() {
    for level in ProductLevel.supported {
      for dtype in MatrixDtype.allCases {
        for transposed in [false, true] {
          for (rows, columns, depth) in [(40, 70, 300), (12, 200, 33), (10, 20, 4500)] {
            var product = TestProduct(
              rows, columns, depth, transposes: (false, transposed), dtypes: (dtype, dtype, dtype))
            product.run(level)
            let bytes = product.c.bytes
            product.packsB = true
            product.run(level)
            XCTAssertEqual(product.c.bytes, bytes, "\(level), \(dtype), \(transposed)")
          }
        }
      }
    }
  }

  /// A · Aᵀ with half of the work.
  func testASymmetricProductHasTheSameBits() {
    for level in ProductLevel.supported {
      for size in [1, 5, 40, 130] {
        for dtype in MatrixDtype.allCases {
          var product = TestProduct(
            size, size, 300, transposes: (false, true), dtypes: (dtype, dtype, dtype))
          for row in 0..<size {
            for step in 0..<300 { product.b[row, step] = product.a[row, step] }
          }
          product.run(level)
          let bytes = product.c.bytes
          product.isSymmetric = true
          product.run(level)
          XCTAssertEqual(product.c.bytes, bytes, "\(size), \(dtype), \(level)")
        }
      }
    }
  }
}
