import CSwiftOpt
import TestSupport
import XCTest

/// The random numbers of the kernels, seen through what they round.
final class PhiloxTests: XCTestCase {
  /// The known answers that the authors publish for ten rounds (Random123, kat_vectors).
  func testReferenceGivesThePublishedAnswers() {
    XCTAssertEqual(
      philox4x32(counter: [0, 0, 0, 0], key: [0, 0]),
      [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
    XCTAssertEqual(
      philox4x32(
        counter: [0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF],
        key: [0xFFFF_FFFF, 0xFFFF_FFFF]),
      [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD])
    XCTAssertEqual(
      philox4x32(
        counter: [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344],
        key: [0xA409_3822, 0x299F_31D0]),
      [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1])
  }

  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  /// 1 + d · 2^-23 rounds up to bfloat16 if and only if the element's upper 16 random bits
  /// and d together reach 2^16, so sixteen roundings tell the bits.
  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    let keys: [UInt64] = [0, .max, 0x299F_31D0_A409_3822, 1 << 32, 1]
    let updates: [UInt64] = [0, .max, 0x0370_7344_1319_8A2E, 1 << 32, 1]
    // Block numbers with both halves.
    let indices = [0, 256, 1 << 36, (1 << 36) - 256, 12_345 * 256]
    for (key, update) in zip(keys, updates) {
      for index in indices {
        for count in [1, 8, 13, 64, 256, 300] {
          var storage = Storage.stochastic(SO_BFLOAT16, RandomSource(key: key, update: update))
          storage.index = index
          XCTAssertEqual(
            revealed(level, storage, count),
            (0..<count).map { storage.random.bits(index + $0) >> 16 },
            "key \(key), update \(update), index \(index)")
        }
      }
    }
  }

  private func revealed(_ level: InstructionLevel, _ storage: Storage, _ count: Int) -> [UInt32] {
    // The greatest d with which each element still rounds down.
    var down = [UInt32](repeating: 0, count: count)
    for bit in (0..<16).reversed() {
      let dropped = down.map { $0 | 1 << UInt32(bit) }
      let values = dropped.map { Float(bitPattern: Float(1).bitPattern + $0) }
      let rounded = level.encode(values, storage).halves
      for index in 0..<count where rounded[index] == 0x3F80 { down[index] = dropped[index] }
    }
    return down.map { 0xFFFF - $0 }
  }
}
