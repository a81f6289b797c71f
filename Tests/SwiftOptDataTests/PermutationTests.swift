import XCTest

@testable import SwiftOptData

final class PermutationTests: XCTestCase {
  func testEachNumberComesOnce() {
    for count in [1, 2, 3, 7, 128, 1000, 1023, 1024, 1025, 4097, 70_000] {
      for epoch in 0..<3 {
        let permutation = Permutation(count: count, seed: 5, epoch: UInt64(epoch))
        var isSeen = [Bool](repeating: false, count: count)
        for position in 0..<count { isSeen[Int(permutation.at(UInt64(position)))] = true }
        XCTAssertFalse(isSeen.contains(false), "\(count)")
      }
    }
  }
}
