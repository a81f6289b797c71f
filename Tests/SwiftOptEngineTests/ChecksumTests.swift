import CSwiftOpt
import TestSupport
import XCTest

/// `so_checksum` against published values; python/tests compares it with the xxhash package.
final class ChecksumTests: XCTestCase {
  func testPublishedValues() {
    let published: [(String, UInt64, UInt64)] = [
      ("", 0, 0xEF46_DB37_51D8_E999),
      ("", 2_654_435_761, 0xAC75_FDA2_929B_17EF),
      ("a", 0, 0xD24E_C4F1_A98C_6E5B),
      ("abc", 0, 0x44BC_2CF5_AD77_0999),
      ("Nobody inspects the spammish repetition", 0, 0xFBCE_A83C_8A37_8BF1),
    ]
    for (text, seed, expected) in published {
      for placement in Placement.allCases {
        let buffer = GuardedBuffer(Array(text.utf8), placement)
        XCTAssertEqual(checksum(buffer.raw, buffer.count, seed: seed), expected, text)
      }
    }
  }

  func testEveryLengthReadsNothingBeyond() {
    var random = SplitMix64(seed: 1)
    for count in 0...130 {
      let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let checksums = Placement.allCases.map { placement in
        let buffer = GuardedBuffer(bytes, placement)
        return checksum(buffer.raw, count)
      }
      XCTAssertEqual(Set(checksums).count, 1, "\(count) bytes")
    }
  }

  func testEveryByteCounts() {
    for count in [1, 3, 4, 7, 8, 31, 32, 33, 63, 100] {
      let buffer = GuardedBuffer<UInt8>(repeating: 7, count: count, .end)
      let before = checksum(buffer.raw, count)
      for index in 0..<count {
        buffer[index] = 6
        XCTAssertNotEqual(checksum(buffer.raw, count), before, "byte \(index) of \(count)")
        buffer[index] = 7
      }
    }
  }

  func testBlocksAreThoseOfOneThread() {
    let before = so_threads_get()
    defer { XCTAssertEqual(so_threads_set(before), so_status(SO_OK)) }
    var random = SplitMix64(seed: 2)
    let data = GuardedBuffer(
      (0..<100_001).map { _ in UInt8(truncatingIfNeeded: random.next()) }, .end)
    for size in [0, 1, 4096, 4097, 100_001] {
      let count = (size + 4095) / 4096
      let expected = (0..<count).map { block in
        checksum(data.raw + 4096 * block, min(4096, size - 4096 * block))
      }
      for threads: Int32 in [1, 2, 5] {
        XCTAssertEqual(so_threads_set(threads), so_status(SO_OK))
        let checksums = GuardedBuffer<UInt64>(repeating: 0, count: count, .end)
        let status = so_checksum_blocks(data.raw, Int64(size), 4096, checksums.pointer)
        XCTAssertEqual(status, so_status(SO_OK))
        XCTAssertEqual(checksums.elements, expected, "\(size) bytes, \(threads) threads")
      }
    }
  }

  func testRefusals() {
    let memory = GuardedBuffer<UInt64>(repeating: 42, count: 4, .end)
    refuses("size is -1; it must be in 0 ... 2^60") {
      so_checksum(memory.raw, -1, 0, memory.pointer)
    }
    refuses("data is NULL") { so_checksum(nil, 1, 0, memory.pointer) }
    refuses("size is -1; it must be in 0 ... 2^60") {
      so_checksum_blocks(memory.raw, -1, 1, memory.pointer)
    }
    refuses("block_size is 0; it must be in 1 ... 2^60") {
      so_checksum_blocks(memory.raw, 8, 0, memory.pointer)
    }
    refuses("data is NULL") { so_checksum_blocks(nil, 8, 1, memory.pointer) }
    refuses("checksums is NULL") { so_checksum_blocks(memory.raw, 8, 1, nil) }
    XCTAssertEqual(memory.elements, [42, 42, 42, 42])
  }

  private func refuses(_ message: String, line: UInt = #line, _ call: () -> so_status) {
    XCTAssertEqual(call(), so_status(SO_INVALID_VALUE), message, line: line)
    XCTAssertEqual(lastError, message, line: line)
  }

  private func checksum(_ data: UnsafeMutableRawPointer, _ count: Int, seed: UInt64 = 0) -> UInt64 {
    var result: UInt64 = 0
    XCTAssertEqual(so_checksum(data, Int64(count), seed, &result), so_status(SO_OK))
    return result
  }
}
