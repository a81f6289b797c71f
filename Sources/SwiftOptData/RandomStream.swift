/// What random numbers are for: streams of different purposes are independent.
///
/// Augmentations have the numbers from 16 on.
public enum RandomPurpose {
  public static let shuffle: UInt32 = 1
  public static let weighted: UInt32 = 2
}

/// Random numbers as a pure function of where they are used: Philox 4×32-10 with a key made
/// from the seed and the purpose. So it doesn't matter which thread makes them, or when.
public struct RandomStream {
  /// Philox's key. Its counter is, from word 0 on: the number's lower 32 bits, its upper 16 bits
  /// below the draw, the epoch's lower and its upper 32 bits.
  public let key: UInt64

  public init(seed: UInt64, purpose: UInt32) {
    // A block of the seed's own: seeds and purposes that differ by little give keys that
    // have nothing in common.
    var block = PhiloxBlock(word0: UInt64(purpose), word1: 0, word2: 0, word3: 0)
    block.scramble(key: seed)
    key = block.word0 | block.word1 << 32
  }

  /// 128 random bits. `number` is the sample's, or the position's, below 2^48; `draw` counts
  /// the blocks that are needed for it, below 2^16.
  @inline(__always)
  public func block(epoch: UInt64, number: UInt64, draw: UInt64 = 0) -> RandomBlock {
    var block = PhiloxBlock(
      word0: number & 0xFFFF_FFFF, word1: (number >> 32 & 0xFFFF) | draw << 16,
      word2: epoch & 0xFFFF_FFFF, word3: epoch >> 32)
    block.scramble(key: key)
    return RandomBlock(
      word0: UInt32(truncatingIfNeeded: block.word0),
      word1: UInt32(truncatingIfNeeded: block.word1),
      word2: UInt32(truncatingIfNeeded: block.word2),
      word3: UInt32(truncatingIfNeeded: block.word3))
  }
}

/// Four independent words of 32 random bits.
public struct RandomBlock {
  public let word0, word1, word2, word3: UInt32

  /// The first two and the last two words as one each.
  @inline(__always)
  public var lower: UInt64 { UInt64(word0) | UInt64(word1) << 32 }
  @inline(__always)
  public var upper: UInt64 { UInt64(word2) | UInt64(word3) << 32 }
}

/// Whose random numbers are wanted: those of a sample of an epoch, or those of a position
/// where a sample may come more than once.
public struct SampleKey {
  public var seed: UInt64
  public var epoch: UInt64
  public var number: UInt64

  @inline(__always)
  public init(seed: UInt64, epoch: UInt64, number: UInt64) {
    self.seed = seed
    self.epoch = epoch
    self.number = number
  }
}
