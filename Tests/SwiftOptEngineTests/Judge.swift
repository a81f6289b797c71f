import TestSupport
import XCTest

extension XCTestCase {
  /// Numbers that two ways of the same computation give, each off by some of its roundings.
  func assertClose(
    _ values: [Double], _ expected: [Double], roundings: Double = 8, unit: Double = 0x1p-53,
    scale: Double = 0, _ name: String = "", file: StaticString = #filePath, line: UInt = #line
  ) {
    XCTAssertEqual(values.count, expected.count, name, file: file, line: line)
    for (index, (value, expected)) in zip(values, expected).enumerated() {
      let bound = roundings * unit * max(expected.magnitude, scale)
      guard (value - expected).magnitude <= bound || value == expected else {
        return XCTFail(
          "\(name), element \(index): \(value) is not \(expected) ± \(bound)", file: file,
          line: line)
      }
    }
  }
}

/// The root of a sum of squares.
func norm(_ values: [Double]) -> Double { accurateSquareSum(values).squareRoot() }
