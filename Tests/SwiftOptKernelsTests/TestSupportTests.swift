import Glibc
import TestSupport
import XCTest

/// Checks that can fail: what the tests lean on must notice what it is there for.
final class TestSupportTests: XCTestCase {
  func testULPDistanceCountsNumbers() {
    XCTAssertEqual(ulpDistance(1.0, 1.0), 0)
    XCTAssertEqual(ulpDistance(1.0, 1.0.nextUp.nextUp), 2)
    XCTAssertEqual(ulpDistance(1.0, 1.0.nextDown), 1)
    XCTAssertEqual(ulpDistance(-0.0, 0.0), 0)
    XCTAssertEqual(ulpDistance(-Double.leastNonzeroMagnitude, .leastNonzeroMagnitude), 2)
    XCTAssertEqual(ulpDistance(Double.nan, .nan), 0)
    XCTAssertEqual(ulpDistance(Double.nan, 1), .max)
    XCTAssertEqual(ulpDistance(-Double.infinity, .infinity), .max)
    XCTAssertEqual(ulpDistance(Float.greatestFiniteMagnitude, .infinity), 1)
    XCTAssertEqual(ulpDistance(Float(1), Float(2)), 1 << 23)
    XCTAssertFalse(haveSameBits([0.0], [-0.0]))
    XCTAssertTrue(haveSameBits([Float.nan], [Float.nan]))
  }

  func testMemoryAroundGuardedBuffersIsForbidden() {
    for placement in Placement.allCases {
      for count in [1, 3, 1024, 4097] {
        let buffer = GuardedBuffer((0..<count).map { Float($0) }, placement)
        let end = buffer.raw + count * 4
        XCTAssertEqual(UInt(bitPattern: buffer.raw) % 4, 0)
        XCTAssertEqual(buffer.elements, (0..<count).map { Float($0) })
        switch placement {
        case .start: XCTAssertFalse(canRead(buffer.raw - 1))
        case .misaligned: XCTAssertFalse(canRead(buffer.raw - 5))
        case .end: XCTAssertFalse(canRead(end))
        }
        XCTAssertTrue(canRead(buffer.raw))
        XCTAssertTrue(canRead(end - 1))
      }
      let empty = GuardedBuffer<Double>([], placement)
      XCTAssertFalse(canRead(empty.raw))
      XCTAssertFalse(canRead(empty.raw - 1))
    }
  }

  /// A system call reports what a load would crash on.
  private func canRead(_ address: UnsafeMutableRawPointer) -> Bool {
    var ends: [Int32] = [0, 0]
    precondition(pipe(&ends) == 0)
    defer { ends.forEach { close($0) } }
    return write(ends[1], address, 1) == 1
  }

  /// The bound covers the same formula in float32, and not one that is off by 2^-20.
  func testBoundsHoldAndAreTight() {
    var random = SplitMix64(seed: 4)
    let (a, b): ([Float], [Float]) = (
      random.numbers(10_000, exponents: -8...8), random.numbers(10_000, exponents: -8...8)
    )
    for (a, b) in zip(a, b) {
      let (x, y) = (Bounded(exactly: Double(a), .float), Bounded(exactly: Double(b), .float))
      let result = (0.3 as Float) * a / ((a * a + b * b).squareRoot() + 0.1) - b
      let expected = 0.3 * x / ((x * x + y * y).squareRoot() + 0.1) - y
      XCTAssert(expected.allows(Double(result)), "\(a), \(b)")
      let largest = 0.3 + b.magnitude
      XCTAssertFalse(expected.allows(Double(result) + 0x1p-20 * Double(largest)), "\(a), \(b)")
    }
  }

  func testSignsThatRoundingCouldTurnAreOpen() {
    let one = Bounded(exactly: 1, .float)
    let third = one / 3.0
    XCTAssertEqual((one - third).sign.value, 1)
    XCTAssertEqual((one - third).sign.error, 0)
    XCTAssertEqual((third + third + third - one).sign.error, 1)
    XCTAssertEqual(Bounded(exactly: 0, .float).sign.error, 0)
  }
}
