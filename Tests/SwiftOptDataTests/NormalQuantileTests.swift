import Foundation
import XCTest

@testable import SwiftOptData

final class NormalQuantileTests: XCTestCase {
  /// The distribution function of what comes out is the probability that went in: Φ(-|x|) =
  /// erfc(|x| / √2) / 2, whose relative error is that of x times |x| + 1/|x| or less.
  func testTheDistributionFunctionInvertsIt() {
    var words: [UInt32] = [0, 1, 2, 1000, 0x7FFF_FFFF, 0x7FFF_FFFE, 0x1333_3333, 0x1333_3334]
    words += (0..<100_000).map { UInt32($0) &* 21_474 }
    for word in words {
      let x = Double(normal(word))
      let tail = (Double(word & 0x7FFF_FFFF) + 0.5) * 0x1p-32
      let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      let error = (erfc(abs(x) / 2.0.squareRoot()) / 2 - tail) / density
      XCTAssertLessThan(abs(error), 1.5e-6, "\(word) \(x)")
      XCTAssertEqual(normal(word ^ 0x8000_0000), -normal(word))
    }
  }
}
