/// The random numbers of one augmentation for one image: blocks of four words.
struct Draws {
  let stream: RandomStream
  let purpose: UInt32
  let key: SampleKey

  @inline(__always)
  func block(_ index: Int) -> RandomBlock {
    stream.block(
      epoch: key.epoch, number: key.number, draw: UInt64(truncatingIfNeeded: index))
  }

  /// Blocks 65536 · part and on, numbered from 0: for one number per pixel.
  func part(_ part: Int) -> Draws {
    if part == 0 { return self }
    let purpose = purpose &+ UInt32(truncatingIfNeeded: part) << 16
    return Draws(
      stream: RandomStream(seed: key.seed, purpose: purpose), purpose: purpose, key: key)
  }
}

extension UInt32 {
  /// As a number in [0, 1), a multiple of 2^-32.
  @inline(__always)
  var share: Double { Double(self) * 0x1p-32 }

  /// As a number in low ... high.
  @inline(__always)
  func between(_ low: Double, _ high: Double) -> Double { low + (high - low) * share }

  /// As a whole number in 0 ..< count, for a count below 2^31. How likely two of them are
  /// differs by a part of count / 2^32 at most.
  @inline(__always)
  func below(_ count: Int) -> Int {
    Int(truncatingIfNeeded: (UInt64(self) &* UInt64(truncatingIfNeeded: count)) >> 32)
  }
}

extension Draws {
  /// Words k = 0 ... 3 of the 64 blocks from `first` on, word k of block b at 64 k + b, so that
  /// the loop's stores are contiguous. Blocks are below 65536.
  func fill(_ words: UnsafeMutablePointer<UInt32>, first: Int) {
    for block in 0..<64 {
      let random = self.block(first &+ block)
      words[block] = random.word0
      words[block &+ 64] = random.word1
      words[block &+ 128] = random.word2
      words[block &+ 192] = random.word3
    }
  }
}
