import SwiftOptShims

// Philox 4×32, a counter-based generator: its n-th block of random numbers is a pure
// function of key and counter, so no state is kept, and any thread can make any block
// (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3").
//
// Every 32-bit word is the lower half of a 64-bit number. A lane-wise 32×32-bit product
// with all 64 bits of the result is one instruction at every level, and it looks at the
// lower halves only; so the upper halves may hold anything until the last round.

/// One counter on its way through the rounds.
struct PhiloxBlock {
  var word0, word1, word2, word3: UInt64

  /// All ten rounds with the key's two halves; or seven, the fewest whose numbers pass all
  /// statistical tests of the paper (its table 2), where few depend on one.
  @inline(__always)
  mutating func scramble(key: UInt64, rounds: Int = 10) {
    round(key, 0)
    round(key, 1)
    round(key, 2)
    round(key, 3)
    round(key, 4)
    round(key, 5)
    round(key, 6)
    if rounds > 7 {
      round(key, 7)
      round(key, 8)
      round(key, 9)
    }
    word0 &= lowerHalf
    word1 &= lowerHalf
    word2 &= lowerHalf
    word3 &= lowerHalf
  }

  /// Round `number` of section 3.4; the key's halves grow by a constant each round.
  @inline(__always)
  private mutating func round(_ key: UInt64, _ number: UInt64) {
    let key0 = (key &+ number &* 0x9E37_79B9) & lowerHalf
    let key1 = ((key >> 32) &+ number &* 0xBB67_AE85) & lowerHalf
    let product0 = (word0 & lowerHalf) &* 0xD251_1F53
    let product1 = (word2 & lowerHalf) &* 0xCD9E_8D57
    word0 = (product1 >> 32) ^ word1 ^ key0
    word1 = product1
    word2 = (product0 >> 32) ^ word3 ^ key1
    word3 = product0
  }
}

private let lowerHalf: UInt64 = 0xFFFF_FFFF

/// 32 random bits for each element of a run; no words where none are needed.
///
/// Two arrays of one tensor can use the same words, one of them with the halves exchanged:
/// what rounds an element of the one then rounds its neighbour in the other.
struct RandomBits {
  var words: UnsafePointer<UInt32>?
  /// 16 to exchange the halves, else 0.
  var rotation: UInt32

  init(words: UnsafeMutablePointer<UInt32>?, rotation: UInt32) {
    self.words = words.map { UnsafePointer($0) }
    self.rotation = rotation
  }

  @inline(__always)
  func rotated(_ word: UInt32) -> UInt32 { word &<< rotation | word &>> (32 &- rotation) }

  /// The upper half of the rotated word, as a number below 2^16.
  @inline(__always)
  func upperHalf(_ word: UInt32) -> UInt32 { (word &<< rotation) >> 16 }

  /// The bits of the elements from `start` on.
  @inline(__always)
  func from(_ start: Int) -> RandomBits {
    var rest = self
    rest.words = words.map { $0 + start }
    return rest
  }
}

/// Elements that get their random bits together; a run begins at a multiple of it.
let randomElements = 256

/// Writes 32 random bits for each element of the run, and on to a multiple of
/// `randomElements`.
///
/// 256 elements take 16 blocks of the tensor's stream, a word to four of them: one gets the
/// word, one the word with its halves exchanged, two the complements of these. Each is
/// uniform, so each rounding is unbiased, also one that drops more than 16 bits. The four
/// are not independent: what rounds one up tends to round another down, which makes the
/// error of a sum smaller (antithetic variates), and a generator at its full price would
/// take longer than the rest of a step. Where the four lie is what makes the loop's stores
/// contiguous.
func fillRandom(_ words: UnsafeMutablePointer<UInt32>, _ run: so_stored) {
  let update = run.random_update
  let key = run.random_key
  let first = UInt64(truncatingIfNeeded: run.index) / 16
  let pairs = UnsafeMutableRawPointer(words).assumingMemoryBound(to: UInt64.self)
  let groups = (Int(run.count) &+ randomElements &- 1) / randomElements
  for group in 0..<groups {
    let target = pairs + group &* (randomElements / 2)
    let counter = first &+ UInt64(truncatingIfNeeded: group &* 16)
    for block in 0..<16 {
      let number = counter &+ UInt64(truncatingIfNeeded: block)
      var random = PhiloxBlock(
        word0: number & lowerHalf, word1: number >> 32, word2: update & lowerHalf,
        word3: update >> 32)
      random.scramble(key: key)
      let (pair0, pair1) = (twoElements(random.word0), twoElements(random.word1))
      let (pair2, pair3) = (twoElements(random.word2), twoElements(random.word3))
      target[block] = pair0
      target[block &+ 16] = pair1
      target[block &+ 32] = pair2
      target[block &+ 48] = pair3
      target[block &+ 64] = ~pair0
      target[block &+ 80] = ~pair1
      target[block &+ 96] = ~pair2
      target[block &+ 112] = ~pair3
    }
  }
}

/// The word with its halves exchanged, then the word itself (in memory, lower half first).
@inline(__always)
private func twoElements(_ word: UInt64) -> UInt64 {
  ((word << 16) & lowerHalf) | (word >> 16) | (word << 32)
}
