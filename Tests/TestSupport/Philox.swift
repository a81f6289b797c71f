/// Philox 4×32-10 as its paper has it, in 32-bit words, to judge the kernels by (Salmon, Moraes,
/// Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.4).
public func philox4x32(counter: [UInt32], key: [UInt32]) -> [UInt32] {
  var (counter, key) = (counter, key)
  for _ in 0..<10 {
    let product0 = counter[0].multipliedFullWidth(by: 0xD251_1F53)
    let product1 = counter[2].multipliedFullWidth(by: 0xCD9E_8D57)
    counter = [
      product1.high ^ counter[1] ^ key[0], product1.low,
      product0.high ^ counter[3] ^ key[1], product0.low,
    ]
    key = [key[0] &+ 0x9E37_79B9, key[1] &+ 0xBB67_AE85]
  }
  return counter
}

/// Where the kernels' random numbers come from.
public struct RandomSource: Sendable {
  public var key: UInt64
  public var update: UInt64

  public init(key: UInt64, update: UInt64) {
    self.key = key
    self.update = update
  }

  /// The 32 random bits of one element. 256 elements take 16 blocks: block b serves the pairs
  /// b, b + 16, … of them. The first four pairs get its words, the last four the complements:
  /// the first of a pair with the halves exchanged, the second as it is.
  public func bits(_ element: Int) -> UInt32 {
    let pair = (element & 255) / 2
    let block = UInt64(bitPattern: Int64(element & ~255)) / 16 + UInt64(pair % 16)
    let words = philox4x32(
      counter: [low(block), high(block), low(update), high(update)], key: [low(key), high(key)])
    let word = words[pair / 16 % 4]
    let bits = element & 1 == 0 ? word << 16 | word >> 16 : word
    return pair < 64 ? bits : ~bits
  }

  private func low(_ bits: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: bits) }
  private func high(_ bits: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: bits >> 32) }
}
