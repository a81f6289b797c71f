import Foundation
import XCTest

@testable import SwiftOptData

final class SymmetricBetaTests: XCTestCase {
  private static let count = 200_000

  private static func draws(_ alpha: Double) -> [Double] {
    let stream = RandomStream(seed: 3, purpose: 16)
    return (0..<count).map { index in
      let block = stream.block(epoch: 0, number: UInt64(index))
      return symmetricBeta(alpha, block.word0, block.word1)
    }
  }

  /// Within 4.5 standard errors, which chance exceeds once in 100 000 times. With 200 000 draws
  /// a variance that is wrong by 1.5 % is found for every alpha here.
  func testMeanAndVariance() {
    for alpha in [0.05, 0.2, 0.5, 1, 2, 10, 300] {
      let draws = Self.draws(alpha)
      let count = Double(draws.count)
      let variance = 1 / (4 * (2 * alpha + 1))
      let fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
      let mean = draws.reduce(0, +) / count
      let spread = draws.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / count
      XCTAssertLessThan(abs(mean - 0.5), 4.5 * (variance / count).squareRoot(), "\(alpha)")
      XCTAssertLessThan(
        abs(spread - variance), 4.5 * ((fourth - variance * variance) / count).squareRoot(),
        "\(alpha)")
    }
  }

  /// Beta(1, 1) is uniform, Beta(½, ½) the arcsine distribution. The largest distance of the
  /// distribution functions is above 1.949 / √n with probability 0.001 (Kolmogorov).
  func testDistributionFunctions() {
    let functions: [(alpha: Double, function: (Double) -> Double)] = [
      (1, { $0 }), (0.5, { 2 / Double.pi * asin($0.squareRoot()) }),
      (2, { $0 * $0 * (3 - 2 * $0) }),
    ]
    for (alpha, function) in functions {
      let draws = Self.draws(alpha).sorted()
      var distance = 0.0
      for (index, draw) in draws.enumerated() {
        let exact = function(draw)
        distance = max(distance, abs(exact - Double(index) / Double(draws.count)))
        distance = max(distance, abs(exact - Double(index + 1) / Double(draws.count)))
      }
      XCTAssertLessThan(distance, 1.949 / Double(draws.count).squareRoot(), "\(alpha)")
    }
  }

  func testExtremeWordsStayInRange() {
    for alpha in [1e-9, 1e-3, 1, 1000] {
      for first: UInt32 in [0, 1, UInt32.max / 2, UInt32.max] {
        for second: UInt32 in [0, 1 << 30, (1 << 30) - 1, 3 << 30, UInt32.max] {
          let share = symmetricBeta(alpha, first, second)
          XCTAssert(share >= 0 && share <= 1, "\(alpha) \(first) \(second) \(share)")
        }
      }
    }
  }
}
