import CSwiftOpt
import TestSupport
import XCTest

/// 8-bit codes in blocks of 256 with a scale.
final class BlockTests: XCTestCase {
  private struct Kind {
    let dtype: Int
    /// Steps of codes between two powers of two.
    let steps: Double
    /// The least number above 0, of a block with the scale 1.
    let least: Double

    static let signed = Kind(dtype: SO_BLOCK8, steps: 8, least: 0x1.4p-16)
    static let unsigned = Kind(dtype: SO_BLOCK8_UNSIGNED, steps: 16, least: 0x1.2p-16)
    static let all = [signed, unsigned]

    var isSigned: Bool { dtype == SO_BLOCK8 }
    var greatestCode: Int { isSigned ? 127 : 255 }

    /// Code c is so many steps below 1, as the definition counts.
    func number(_ code: UInt8) -> Double {
      let magnitude = Int(code) & greatestCode
      if magnitude == 0 { return isSigned && code >= 128 ? -0.0 : 0 }
      let below = greatestCode - magnitude
      let octaves = (below + Int(steps) - 1) / Int(steps)
      let part = 1 + (Double(octaves) - Double(below) / steps)
      let number = part * Double(sign: .plus, exponent: -octaves, significand: 1)
      return isSigned && code >= 128 ? -number : number
    }
  }

  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    for kind in Kind.all {
      everyCode(kind, level)
      nearest(kind, level)
      neighbours(kind, level)
    }
  }

  /// Decoding is number · scale, rounded once; encoding finds the code again.
  private func everyCode(_ kind: Kind, _ level: InstructionLevel) {
    let codes = (0...UInt8.max).map { $0 }
    XCTAssertEqual(kind.number(1), kind.least)
    for scale: Float in [1, 0.3, 1e-30, 3e38] {
      let stored = Stored(bytes: codes, scales: [scale])
      let floats: [Float] = level.decode(stored, Storage(kind.dtype))
      XCTAssert(haveSameBits(floats, codes.map { Float(kind.number($0)) * scale }), "\(scale)")
      let doubles: [Double] = level.decode(stored, Storage(kind.dtype))
      XCTAssert(haveSameBits(doubles, floats.map(Double.init)), "\(scale)")
      for storage in [
        Storage(kind.dtype), .stochastic(kind.dtype, RandomSource(key: 3, update: 8)),
      ] where scale == 1 {
        XCTAssertEqual(level.encode(floats, storage), stored)
        XCTAssertEqual(level.encode(doubles, storage), stored)
      }
    }
  }

  /// To the nearest: off by half a step at most, a step being 1 / steps of the power of two
  /// below the share of the scale, plus the roundings of quotient and product (2^-24 each).
  private func nearest(_ kind: Kind, _ level: InstructionLevel) {
    let values = samples(kind)
    let results: [Float] = level.decode(
      level.encode(values, Storage(kind.dtype)), Storage(kind.dtype))
    for start in stride(from: 0, to: values.count, by: 256) {
      let block = start..<min(start + 256, values.count)
      let scale = Double(values[block].map(\.magnitude).max()!)
      for index in block {
        let value = Double(values[index])
        let error = (Double(results[index]) - value).magnitude
        let share = value.magnitude / scale
        let exponent = share == 0 ? -60 : Int(share.exponent)
        let step = Double(sign: .plus, exponent: exponent, significand: scale / kind.steps)
        let bound =
          share >= 1.001 * kind.least
          ? step / 2 + 0x1p-22 * value.magnitude : kind.least * scale
        guard error <= bound else {
          return XCTFail("\(kind.dtype), \(level): \(value) of \(scale) is off by \(error)")
        }
      }
    }
  }

  /// By chance: one of the two neighbours; the largest magnitude and 0 exactly.
  private func neighbours(_ kind: Kind, _ level: InstructionLevel) {
    let values = samples(kind)
    let storage = Storage.stochastic(kind.dtype, RandomSource(key: 5, update: 6))
    let stored = level.encode(values, storage)
    XCTAssert(stored.hasSameBits(as: InstructionLevel.baseline.encode(values, storage)))
    XCTAssert(stored.hasSameBits(as: level.encode(values.map(Double.init), storage)))
    let results: [Float] = level.decode(stored, storage)
    for start in stride(from: 0, to: values.count, by: 256) {
      let block = start..<min(start + 256, values.count)
      let scale = values[block].map(\.magnitude).max()!
      XCTAssertEqual(stored.scales[start / 256], scale)
      for index in block {
        let (value, result) = (values[index], results[index])
        if value.magnitude == scale || value == 0 {
          XCTAssertEqual(result, value)
          continue
        }
        let code = Int(stored.bytes[index]) & kind.greatestCode
        let above = kind.number(UInt8(min(code + 1, kind.greatestCode)))
        let below = kind.number(UInt8(max(code - 1, 0)))
        let share = Double(value.magnitude / scale)
        let isUnsignedTiny = !kind.isSigned && share < kind.least
        guard isUnsignedTiny ? code == 1 : share > below && share < above else {
          return XCTFail("\(kind.dtype), \(level): \(value) of \(scale) has code \(code)")
        }
        XCTAssert(result == 0 || result.sign == value.sign)
      }
    }
  }

  private func samples(_ kind: Kind) -> [Float] {
    var random = SplitMix64(seed: 11)
    let values: [Float] =
      random.numbers(256 * 8, exponents: -20...0) + random.numbers(100, exponents: -60 ... -40)
    return kind.isSigned ? values : values.map(\.magnitude)
  }

  /// Of n draws with the fraction f between two codes the mean is off by f's standard
  /// deviation, sqrt(f (1 - f) / n) of a step; 5 of them are allowed. With n = 255 · 2^12 the
  /// test sees a bias of 0.5 % of a step at f = 1/2 with certainty.
  func testMeanIsTheValue() {
    let level = InstructionLevel.supported.last!
    for kind in Kind.all {
      for code in [1, 2, 9, kind.greatestCode - 20, kind.greatestCode - 1] {
        let below = kind.number(UInt8(code - (kind.isSigned ? 1 : 0)))
        let above = kind.number(UInt8(code + (kind.isSigned ? 0 : 1)))
        for fraction in [0x1p-6, 0.5, 0.8125] {
          let value = Float(below + fraction * (above - below))
          // The first of each block makes the scale 1.
          let block = [1] + [Float](repeating: value, count: 255)
          let values = (0..<4096).flatMap { _ in block }
          let storage = Storage.stochastic(kind.dtype, RandomSource(key: 21, update: 2))
          let results: [Float] = level.decode(level.encode(values, storage), storage)
          let drawn = results.indices.filter { $0 % 256 != 0 }.map { Double(results[$0]) }
          let mean = drawn.reduce(0, +) / Double(drawn.count)
          let deviation =
            (above - below) * (fraction * (1 - fraction) / Double(drawn.count)).squareRoot()
          XCTAssertLessThan(
            (mean - Double(value)).magnitude, 5 * deviation, "\(kind.dtype), \(code), \(fraction)")
        }
      }
    }
  }

  func testUnsignedNeverDropsToZero() {
    let tiny: [Float] = [0x1p-149, 1e-30, 1e-10, 0, -0.0, 3e38]
    for level in InstructionLevel.supported {
      for storage in [
        Storage(SO_BLOCK8_UNSIGNED),
        .stochastic(SO_BLOCK8_UNSIGNED, RandomSource(key: 0, update: 0)),
      ] {
        XCTAssertEqual(level.encode(tiny, storage).bytes, [1, 1, 1, 0, 0, 255])
      }
    }
  }

  func testBlockWithWhatIsNotFiniteIsAllNaN() {
    for level in InstructionLevel.supported {
      for kind in Kind.all {
        for bad: Float in [.infinity, -.infinity, .nan, -.nan] {
          for position in [256, 257, 300, 511] {
            var values = [Float](repeating: 0.5, count: 600)
            values[position] = bad
            let storage = Storage(kind.dtype)
            let results: [Float] = level.decode(level.encode(values, storage), storage)
            XCTAssert(results[256..<512].allSatisfy(\.isNaN), "\(bad) at \(position)")
            XCTAssert(results[..<256].allSatisfy { $0 == 0.5 })
            XCTAssert(results[512...].allSatisfy { $0 == 0.5 })
          }
        }
        let huge: [Double] = [1, 1e39]
        let results: [Float] = level.decode(
          level.encode(huge, Storage(kind.dtype)), Storage(kind.dtype))
        XCTAssert(results.allSatisfy(\.isNaN), "a float64 beyond float32")
      }
    }
  }

  func testBlockOfZeros() {
    for level in InstructionLevel.supported {
      for kind in Kind.all {
        let stored = level.encode([Float](repeating: 0, count: 300), Storage(kind.dtype))
        XCTAssertEqual(stored.scales, [0, 0])
        XCTAssertEqual(stored.bytes, Array(repeating: 0, count: 300))
        let results: [Float] = level.decode(stored, Storage(kind.dtype))
        XCTAssertEqual(results, Array(repeating: 0, count: 300))
      }
    }
  }
}
