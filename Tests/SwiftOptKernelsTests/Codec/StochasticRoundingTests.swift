import CSwiftOpt
import TestSupport
import XCTest

/// Rounding up or down by chance to float16 and bfloat16.
final class StochasticRoundingTests: XCTestCase {
  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  /// Each result is the neighbour that the element's own random number asks for.
  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    for format in HalfFormat.all {
      var numbers = SplitMix64(seed: 4)
      let values: [Float] =
        numbers.numbers(5000, exponents: -45...17) + numbers.numbers(5000, exponents: -149...127)
      let storage = Storage.stochastic(format.dtype, RandomSource(key: 77, update: 5))
      let stored = level.encode(values, storage)
      XCTAssertEqual(stored, level.encode(values.map(Double.init), storage), "from float64")
      for (index, value) in values.enumerated() {
        let result = format.value(stored.halves[index])
        let expected = rounded(Double(value), format, storage.random.bits(index))
        guard haveSameBits([result], [expected]) else {
          return XCTFail("\(format), \(level): \(value) became \(result), not \(expected)")
        }
      }
    }
  }

  /// Up if the random bits are in the upper part, as large as the fraction, of their range;
  /// for numbers below float16's normal ones, in the lower part.
  private func rounded(_ value: Double, _ format: HalfFormat, _ random: UInt32) -> Double {
    let magnitude = value.magnitude
    if magnitude > format.greatest { return beyond(value, format) }
    let spacing = format.spacing(at: magnitude)
    let below = (magnitude / spacing).rounded(.down)
    let fraction = magnitude / spacing - below
    let chance = Double(random) * 0x1p-32
    let isSubnormal16 = format.dtype == SO_FLOAT16 && magnitude < 0x1p-14
    let isUp =
      isSubnormal16
      ? Double(random >> 1) * 0x1p-31 < floor(fraction, bits: 31)
      : floor(chance, bits: 23 - format.mantissaBits) + fraction >= 1
    return Double(signOf: value, magnitudeOf: (below + (isUp ? 1 : 0)) * spacing)
  }

  /// Where chance could make infinity of a finite number: float16 to the nearest, whose range
  /// ends far below float32's; bfloat16 stays finite.
  private func beyond(_ value: Double, _ format: HalfFormat) -> Double {
    format.dtype == SO_BFLOAT16 && value.isFinite
      ? Double(signOf: value, magnitudeOf: format.greatest) : format.nearest(value)
  }

  private func floor(_ value: Double, bits: Int) -> Double {
    let scale = Double(sign: .plus, exponent: bits, significand: 1)
    return (value * scale).rounded(.down) / scale
  }

  /// Of 2^20 draws with the fraction f, the share that is rounded up has the standard
  /// deviation sqrt(f (1 - f)) / 2^10. A deviation of more than 5 of them happens to a correct
  /// generator once in two million; the numbers are always the same. The test sees any bias
  /// of more than 0.5 % of a step (10 deviations at f = 1/2) with certainty. Draws that come in
  /// opposite pairs, as here, deviate less than independent ones; never more.
  func testMeanIsTheValue() {
    let level = InstructionLevel.supported.last!
    for format in HalfFormat.all {
      let subnormal = format.value(1)
      for base in [1, format.value(0x3C01), subnormal * 3, subnormal, 0] {
        let spacing = format.spacing(at: base)
        for fraction in [0x1p-7, 0.25, 0.5, 0.703125, 1 - 0x1p-6] {
          let value = Float(base + fraction * spacing)
          XCTAssertEqual(Double(value), base + fraction * spacing, "not a float32")
          let count = 1 << 20
          let storage = Storage.stochastic(format.dtype, RandomSource(key: 9, update: 1))
          let results = level.encode([Float](repeating: value, count: count), storage).halves
          let ups = results.filter { format.value($0) > base }.count
          let share = Double(ups) / Double(count)
          let deviation = (fraction * (1 - fraction) / Double(count)).squareRoot()
          XCTAssertLessThan(
            (share - fraction).magnitude, 5 * deviation, "\(format), \(base) + \(fraction)")
          XCTAssert(results.allSatisfy { [base, base + spacing].contains(format.value($0)) })
        }
      }
    }
  }

  /// What the format has is left alone, whatever the random bits are.
  func testNumbersOfTheFormatStay() {
    for level in InstructionLevel.supported {
      for format in HalfFormat.all {
        let patterns = (0...UInt16.max).filter { $0 & 0x7FFF <= format.infinity }
        let values = patterns.map { Float(format.value($0)) }
        for key in UInt64(0)..<4 {
          let storage = Storage.stochastic(format.dtype, RandomSource(key: key, update: 3))
          XCTAssertEqual(level.encode(values, storage).halves, patterns)
        }
      }
    }
  }

  func testNoFiniteNumberBecomesInfinityByChance() {
    for level in InstructionLevel.supported {
      for format in HalfFormat.all {
        let top = format.greatest + format.spacing(at: format.greatest) / 2
        let isFinite = beyond(top, format).isFinite
        for (value, bits) in [
          (Float(top).nextDown, format.infinity - 1),
          (Float(top), isFinite ? format.infinity - 1 : format.infinity),
          (.infinity, format.infinity),
        ] {
          let values = [Float](repeating: value, count: 4096)
          let storage = Storage.stochastic(format.dtype, RandomSource(key: 1, update: 1))
          XCTAssert(level.encode(values, storage).halves.allSatisfy { $0 == bits }, "\(value)")
          let negative = level.encode(values.map { -$0 }, storage).halves
          XCTAssert(negative.allSatisfy { $0 == bits | 0x8000 }, "\(-value)")
        }
        let nans = [Float](repeating: .nan, count: 100)
        let storage = Storage.stochastic(format.dtype, RandomSource(key: 1, update: 1))
        XCTAssert(level.encode(nans, storage).halves.allSatisfy { format.value($0).isNaN })
      }
    }
  }
}
