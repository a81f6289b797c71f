import CSwiftOpt
import TestSupport
import XCTest

/// Runs of every length and alignment give what the lowest level gives, and touch nothing else.
final class CodecShapeTests: XCTestCase {
  private let sizes = [0, 1, 7, 8, 9, 15, 16, 17, 255, 256, 257, 511, 512, 4097]

  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    for dtype in SO_FLOAT32...SO_BLOCK8_UNSIGNED {
      for storage in [Storage(dtype), .stochastic(dtype, RandomSource(key: 8, update: 9))] {
        for size in sizes {
          sameAtEveryPlace(level, storage, size, Float.self)
          sameAtEveryPlace(level, storage, size, Double.self)
        }
      }
    }
  }

  private func sameAtEveryPlace<Scalar: TestScalar>(
    _ level: InstructionLevel, _ storage: Storage, _ size: Int, _ scalar: Scalar.Type
  ) {
    var random = SplitMix64(seed: size)
    let values: [Scalar] = random.numbers(size, exponents: -30...20)
    let expected = InstructionLevel.baseline.encode(values, storage)
    let numbers: [Scalar] = InstructionLevel.baseline.decode(expected, storage)
    for placement in Placement.allCases {
      let context = "\(storage.dtype), \(size) elements, \(placement), \(level)"
      XCTAssert(level.encode(values, storage, placement).hasSameBits(as: expected), context)
      XCTAssert(
        haveSameBits(level.decode(expected, storage, as: scalar, placement), numbers), context)
    }
    // Outside of blocks an element's bits depend on nothing but itself and its index.
    if storage.dtype < SO_BLOCK8 && size > 256 {
      var later = storage
      later.index = 256
      XCTAssertEqual(
        level.encode(Array(values[256...]), later).bytes,
        Array(expected.bytes[(256 * storage.elementSize)...]))
    }
  }

  /// Every pair of dtypes is what decoding and encoding is.
  func testCasts() {
    let dtypes = SO_FLOAT32...SO_BFLOAT16
    for level in InstructionLevel.supported {
      for source in dtypes {
        for target in dtypes {
          for size in sizes {
            var random = SplitMix64(seed: 5)
            let values: [Double] = random.numbers(size, exponents: -30...20)
            let stored = InstructionLevel.baseline.encode(values, Storage(source))
            let numbers: [Double] = InstructionLevel.baseline.decode(stored, Storage(source))
            let isLow = Storage(target).elementSize == 2
            let random16 = RandomSource(key: 31, update: 0)
            for storage in [Storage(target)] + (isLow ? [.stochastic(target, random16)] : []) {
              // What is in the target's dtype already is exact.
              let expected = InstructionLevel.baseline.encode(numbers, storage)
              for placement in Placement.allCases {
                XCTAssertEqual(
                  level.cast(stored, from: Storage(source), to: storage, placement), expected,
                  "\(source) to \(target), \(size) elements, \(placement), \(level)")
              }
            }
          }
        }
      }
    }
  }
}
