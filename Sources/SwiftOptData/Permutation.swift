/// A random order of 0 ..< count that is computed, not stored.
///
/// A Feistel network permutes the numbers of some bits whatever its round functions are (Luby &
/// Rackoff 1988, "How to construct pseudorandom permutations from pseudorandom functions").
/// Numbers beyond the count are sent through again until one is below it, which permutes those
/// below it (Black & Rogaway 2002, "Ciphers with arbitrary finite domains": cycle walking). The
/// halves differ by one where the number of bits is odd, so less than half of all steps are
/// for nothing.
struct Permutation {
  private let count: UInt64
  private let lowBits, highBits: UInt64
  private let lowMask, highMask: UInt64
  private let key0, key1, key2, key3, key4, key5, key6, key7: UInt64

  init(count: Int, seed: UInt64, epoch: UInt64) {
    self.count = UInt64(truncatingIfNeeded: count)
    let needed = UInt64(truncatingIfNeeded: 64 &- (self.count &- 1).leadingZeroBitCount)
    // Halves of a bit or two have few round functions, so few orders could come out.
    let bits = needed < leastBits ? leastBits : needed
    lowBits = bits / 2
    highBits = bits &- lowBits
    lowMask = 1 &<< lowBits &- 1
    highMask = 1 &<< highBits &- 1
    let stream = RandomStream(seed: seed, purpose: RandomPurpose.shuffle)
    let block0 = stream.block(epoch: epoch, number: 0)
    let block1 = stream.block(epoch: epoch, number: 1)
    let block2 = stream.block(epoch: epoch, number: 2)
    let block3 = stream.block(epoch: epoch, number: 3)
    (key0, key1) = (block0.lower, block0.upper)
    (key2, key3) = (block1.lower, block1.upper)
    (key4, key5) = (block2.lower, block2.upper)
    (key6, key7) = (block3.lower, block3.upper)
  }

  /// The number at a position below the count.
  @inline(__always)
  func at(_ position: UInt64) -> UInt64 {
    var number = position
    repeat {
      var low = number & lowMask
      var high = number &>> lowBits
      low ^= mixed(high, key0) & lowMask
      high ^= mixed(low, key1) & highMask
      low ^= mixed(high, key2) & lowMask
      high ^= mixed(low, key3) & highMask
      low ^= mixed(high, key4) & lowMask
      high ^= mixed(low, key5) & highMask
      low ^= mixed(high, key6) & lowMask
      high ^= mixed(low, key7) & highMask
      number = high &<< lowBits | low
    } while number >= count
    return number
  }

  /// A round function. Philox would take longer than an image does; eight rounds of this
  /// leave no order that the tests can tell from chance. The multipliers are those of
  /// SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators").
  @inline(__always)
  private func mixed(_ half: UInt64, _ key: UInt64) -> UInt64 {
    var bits = (half ^ key) &* 0xBF58_476D_1CE4_E5B9
    bits ^= bits >> 32
    bits &*= 0x94D0_49BB_1331_11EB
    return bits >> 32
  }
}

private let leastBits: UInt64 = 10
