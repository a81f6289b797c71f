import CSwiftOpt
import TestSupport
import XCTest

/// Rounding to the nearest against the formats' definition.
final class HalfEncodeTests: XCTestCase {
  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    for format in HalfFormat.all {
      try check(level, format, floats)
      try check(level, format, doubles(format))
    }
  }

  private func check<Scalar: TestScalar>(
    _ level: InstructionLevel, _ format: HalfFormat, _ values: [Scalar]
  ) throws {
    let storage = Storage(format.dtype)
    let halves = level.encode(values, storage).halves
    XCTAssertEqual(halves, InstructionLevel.baseline.encode(values, storage).halves)
    for (value, half) in zip(values, halves) {
      let isRight =
        value.isNaN
        ? half & 0x7FFF > format.infinity && half & format.quietBit != 0
        : haveSameBits([format.value(half)], [format.nearest(Double(value))])
      guard isRight, (half & 0x8000 != 0) == (value.sign == .minus) else {
        return XCTFail("\(format), \(level): \(value) became \(half)")
      }
    }
  }

  /// Every 17-bit prefix of a float32, with all exponents and both signs, with the lower bits
  /// that lie at and around the ties of both formats; and evenly spread patterns. (All 2^32
  /// patterns agree as well: they were tried.)
  private var floats: [Float] {
    let lower: [UInt32] = [0, 1, 0x0FFF, 0x1000, 0x1001, 0x1FFF, 0x2000, 0x3000, 0x7FFF, 0x4001]
    var patterns: [UInt32] = []
    for upper in 0..<UInt32(1 << 17) { patterns += lower.map { upper << 15 | $0 } }
    patterns += stride(from: 0, through: UInt32.max, by: 8191)
    return patterns.map(Float.init(bitPattern:))
  }

  /// Ties and their neighbours in float64, which round to float32 ties: rounding twice would go
  /// wrong. Below the least number too, and beyond the greatest.
  private func doubles(_ format: HalfFormat) -> [Double] {
    var values: [Double] = [0, -0.0, .infinity, -.infinity, .nan, -.nan, 1e300, -1e39, 0x1p-1070]
    for bits in stride(from: UInt16(0), to: format.infinity, by: 3) {
      let number = format.value(bits)
      let tie = number + format.spacing(at: number) / 2
      values += [number, tie, tie.nextUp, tie.nextDown, tie * (1 + 0x1p-40), -tie * (1 - 0x1p-30)]
    }
    values += [format.greatest, format.value(1) / 2, (format.value(1) / 2).nextUp, 0x1p-160]
    let top = format.greatest + format.spacing(at: format.greatest) / 2
    return values + [top, top.nextDown, -top.nextDown]
  }

  func testNaNKeepsItsUpperPayloadBits() {
    let patterns: [UInt32] = [0x7F80_0001, 0xFFAA_AAAA, 0x7FC1_2345, 0xFF80_2000]
    let values = patterns.map(Float.init(bitPattern:))
    for level in InstructionLevel.supported {
      XCTAssertEqual(
        level.encode(values, Storage(SO_FLOAT16)).halves, [0x7E00, 0xFF55, 0x7E09, 0xFE01])
      XCTAssertEqual(
        level.encode(values, Storage(SO_BFLOAT16)).halves, [0x7FC0, 0xFFEA, 0x7FC1, 0xFFC0])
    }
  }

  func testFloatToDoubleAndBack() {
    var random = SplitMix64(seed: 3)
    let floats: [Float] = random.numbers(1000, exponents: -149...127)
    for level in InstructionLevel.supported {
      let stored = level.encode(floats, Storage(SO_FLOAT64))
      let doubles: [Double] = level.decode(stored, Storage(SO_FLOAT64))
      XCTAssertEqual(doubles, floats.map(Double.init))
      XCTAssertEqual(level.decode(stored, Storage(SO_FLOAT64)), floats)
      let rounded = level.encode([1 + 0x1p-24, 1e39, 1 + 0x1.8p-23], Storage(SO_FLOAT32))
      XCTAssertEqual(
        level.decode(rounded, Storage(SO_FLOAT32), as: Float.self), [1, .infinity, 1 + 0x1p-22])
    }
  }
}
