import CSwiftOpt
import TestSupport
import XCTest

/// Every float16 and bfloat16 number against the definition of its format.
final class HalfDecodeTests: XCTestCase {
  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    for format in HalfFormat.all {
      let patterns = (0...UInt16.max).map { $0 }
      let stored = Stored(halves: patterns)
      let floats: [Float] = level.decode(stored, Storage(format.dtype))
      let doubles: [Double] = level.decode(stored, Storage(format.dtype))
      for (bits, (float, double)) in zip(patterns, zip(floats, doubles)) {
        let expected = format.value(bits)
        if expected.isNaN {
          guard float.isNaN, double.isNaN else { return XCTFail("\(bits) is \(float), \(double)") }
        } else {
          // Both are exact; as bits, because of -0.
          guard haveSameBits([Double(float), double], [expected, expected]) else {
            return XCTFail("\(bits) is \(float), \(double); it must be \(expected)")
          }
        }
      }
      let baseline: [Float] = InstructionLevel.baseline.decode(stored, Storage(format.dtype))
      XCTAssert(haveSameBits(floats, baseline), "NaN at \(level)")
    }
  }

  func testFloat16NaNKeepsItsPayloadAndIsQuiet() {
    for level in InstructionLevel.supported {
      let stored = Stored(halves: [0x7C01, 0xFD55, 0x7E00])
      let floats: [Float] = level.decode(stored, Storage(SO_FLOAT16))
      XCTAssertEqual(floats.map(\.bitPattern), [0x7FC0_2000, 0xFFEA_A000, 0x7FC0_0000])
    }
  }
}
