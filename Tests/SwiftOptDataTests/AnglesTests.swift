import Foundation
import XCTest

@testable import SwiftOptData

final class AnglesTests: XCTestCase {
  func testQuarterTurnsAreExact() {
    for turns in -8...8 {
      let (sine, cosine) = sineAndCosine(degrees: Double(turns) * 90)
      XCTAssertEqual(sine, [0, 1, 0, -1][(turns + 8) % 4])
      XCTAssertEqual(cosine, [1, 0, -1, 0][(turns + 8) % 4])
    }
  }

  func testOthersAreNear() {
    for step in -7200...7200 {
      let degrees = Double(step) * 0.1
      let (sine, cosine) = sineAndCosine(degrees: degrees)
      // The quotients degrees / 360 and Foundation's degrees · π / 180 are rounded: up to 13
      // radians, so 2^-50 at most, twice.
      XCTAssertEqual(sine, sin(degrees * .pi / 180), accuracy: 0x1p-48)
      XCTAssertEqual(cosine, cos(degrees * .pi / 180), accuracy: 0x1p-48)
    }
  }
}
