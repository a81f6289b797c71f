import CSwiftOpt
import SwiftOptShims
import TestSupport
import XCTest

/// `so_cast`: what it refuses, and that threads don't change its bits.
final class CastTests: XCTestCase {
  private let float32 = so_dtype(SO_FLOAT32)
  private let float64 = so_dtype(SO_FLOAT64)
  private let bfloat16 = so_dtype(SO_BFLOAT16)
  private let nearest = Int32(SO_ROUND_NEAREST)
  private let stochastic = Int32(SO_ROUND_STOCHASTIC)

  func testEveryThreadCountGivesTheSameBits() {
    let before = so_threads_get()
    defer { XCTAssertEqual(so_threads_set(before), so_status(SO_OK)) }
    for count in [1, 1000, 32_768, 32_769, 200_001] {
      var random = SplitMix64(seed: count)
      let values: [Float] = random.numbers(count, exponents: -20...5)
      let storage = Storage.stochastic(SO_BFLOAT16, RandomSource(key: 17, update: 0))
      let expected = InstructionLevel.baseline.encode(values, storage).halves
      for threads: Int32 in [1, 2, 3, 5] {
        XCTAssertEqual(so_threads_set(threads), so_status(SO_OK))
        let source = GuardedBuffer(values, .end)
        let target = GuardedBuffer<UInt16>(repeating: 0, count: count, .end)
        let status = so_cast(
          source.raw, float32, target.raw, bfloat16, Int64(count), stochastic, 17)
        XCTAssertEqual(status, so_status(SO_OK))
        XCTAssertEqual(target.elements, expected, "\(count) elements, \(threads) threads")
      }
    }
  }

  func testNothingToDo() {
    XCTAssertEqual(so_cast(nil, float32, nil, float64, 0, nearest, 0), so_status(SO_OK))
    let array = GuardedBuffer<Float>([1, .nan], .end)
    let before = array.elements
    XCTAssertEqual(
      so_cast(array.raw, float32, array.raw, float32, 2, nearest, 0), so_status(SO_OK))
    XCTAssert(haveSameBits(array.elements, before))
  }

  func testRefusalsWriteNothing() {
    let memory = GuardedBuffer<Double>(repeating: 42, count: 32, .end)
    let (a, b) = (memory.raw, memory.raw + 128)
    let dtypes = "it must be SO_FLOAT32, SO_FLOAT64, SO_FLOAT16 or SO_BFLOAT16"
    refuses("source_dtype is 0; \(dtypes)", SO_INVALID_TYPE) {
      so_cast(a, 0, b, float32, 8, nearest, 0)
    }
    refuses("target_dtype is 5; \(dtypes)", SO_INVALID_TYPE) {
      so_cast(a, float32, b, so_dtype(SO_BLOCK8), 8, nearest, 0)
    }
    refuses("rounding is 2; it must be SO_ROUND_NEAREST or SO_ROUND_STOCHASTIC") {
      so_cast(a, float32, b, bfloat16, 8, 2, 0)
    }
    refuses(
      "rounding is 1; it must be SO_ROUND_NEAREST unless target_dtype is SO_FLOAT16 or "
        + "SO_BFLOAT16"
    ) { so_cast(a, float64, b, float32, 8, stochastic, 0) }
    refuses("count is -1; it must be in 0 ... 2^60") {
      so_cast(a, float32, b, bfloat16, -1, nearest, 0)
    }
    refuses("count is 2.305843009213694e+18; it must be in 0 ... 2^60") {
      so_cast(a, float32, b, bfloat16, 1 << 61, nearest, 0)
    }
    refuses("source is NULL") { so_cast(nil, float32, b, bfloat16, 8, nearest, 0) }
    refuses("target is NULL") { so_cast(a, float32, nil, bfloat16, 8, nearest, 0) }
    refuses("source is not aligned to its element size") {
      so_cast(a + 2, float32, b, bfloat16, 8, nearest, 0)
    }
    refuses("target is not aligned to its element size") {
      so_cast(a, float32, b + 1, bfloat16, 8, nearest, 0)
    }
    // 64 bytes become 32.
    for (source, target) in [(a, a), (a, a + 62), (a, a + 32), (a + 28, a)] {
      refuses("source and target share memory") {
        so_cast(source, float32, target, bfloat16, 16, nearest, 0)
      }
    }
    XCTAssert(memory.elements.allSatisfy { $0 == 42 })
    // Neighbours share nothing.
    XCTAssertEqual(so_cast(a, float32, a + 64, bfloat16, 16, nearest, 0), so_status(SO_OK))
    XCTAssertEqual(so_cast(a + 32, float32, a, bfloat16, 16, nearest, 0), so_status(SO_OK))
  }

  private func refuses(
    _ message: String, _ expected: Int = SO_INVALID_VALUE, line: UInt = #line,
    _ call: () -> so_status
  ) {
    XCTAssertEqual(call(), so_status(expected), message, line: line)
    XCTAssertEqual(lastError, message, line: line)
  }
}
