import TestSupport
import XCTest

@testable import SwiftOptData

final class RandomStreamTests: XCTestCase {
  /// The known answers for philox4x32-10 that come with the authors' library Random123
  /// (examples/kat_vectors).
  func testKnownAnswers() {
    let answers: [(counter: [UInt64], key: UInt64, words: [UInt64])] = [
      ([0, 0, 0, 0], 0, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
      (
        [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff], 0xffff_ffff_ffff_ffff,
        [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
      ),
      (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], 0x299f_31d0_a409_3822,
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
      ),
    ]
    for answer in answers {
      var block = PhiloxBlock(
        word0: answer.counter[0], word1: answer.counter[1], word2: answer.counter[2],
        word3: answer.counter[3])
      block.scramble(key: answer.key)
      XCTAssertEqual([block.word0, block.word1, block.word2, block.word3], answer.words)
    }
  }

  func testCounterAndKeyAreThoseOfTheDocumentation() {
    let (seed, epoch, number): (UInt64, UInt64, UInt64) = (
      0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 0x8765_4321_abcd
    )
    let key = philox4x32(counter: [18, 0, 0, 0], key: [0x89ab_cdef, 0x0123_4567])
    let words = philox4x32(
      counter: [0x4321_abcd, 0x8765 | 7 << 16, 0x7654_3210, 0xfedc_ba98], key: [key[0], key[1]])
    let block = RandomStream(seed: seed, purpose: 18).block(epoch: epoch, number: number, draw: 7)
    XCTAssertEqual([block.word0, block.word1, block.word2, block.word3], words)
  }

  func testWholeNumbersAreBelowTheirCount() {
    XCTAssertEqual(UInt32.max.below(1), 0)
    XCTAssertEqual(UInt32.max.below(7), 6)
    XCTAssertEqual(UInt32(0).below(7), 0)
    XCTAssertEqual((UInt32.max / 2).below(1 << 30), (1 << 29) - 1)
    XCTAssertEqual(UInt32.max.share, 1 - 0x1p-32)
  }
}
