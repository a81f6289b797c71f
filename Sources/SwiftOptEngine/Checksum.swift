import SwiftOptShims

/// XXH64, a checksum of 64 bits at about the speed of memory: four lanes of 64-bit
/// multiplications, mixed at the end. Public specification:
/// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md ("XXH64").
///
/// It finds damage. It does not protect from someone who makes a second file with the
/// same checksum on purpose.
public enum XXH64 {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  /// The checksum of `count` bytes, which may lie anywhere.
  public static func checksum(_ data: UnsafeRawPointer, count: Int, seed: UInt64) -> UInt64 {
    var position = 0
    var hash = seed &+ prime5
    if count >= 32 {
      hash = stripes(data, end: count &- 31, seed: seed)
      position = count & ~31
    }
    hash = hash &+ UInt64(truncatingIfNeeded: count)
    while count &- position >= 8 {
      hash = rotate(hash ^ round(0, word(data, position)), 27) &* prime1 &+ prime4
      position = position &+ 8
    }
    if count &- position >= 4 {
      let half = data.loadUnaligned(fromByteOffset: position, as: UInt32.self)
      hash = rotate(hash ^ (UInt64(half) &* prime1), 23) &* prime2 &+ prime3
      position = position &+ 4
    }
    while position < count {
      let byte = data.load(fromByteOffset: position, as: UInt8.self)
      hash = rotate(hash ^ (UInt64(byte) &* prime5), 11) &* prime1
      position = position &+ 1
    }
    return avalanche(hash)
  }

  /// All stripes of 32 bytes that begin before `end`, eight bytes for each lane.
  private static func stripes(_ data: UnsafeRawPointer, end: Int, seed: UInt64) -> UInt64 {
    var lane1 = seed &+ prime1 &+ prime2
    var lane2 = seed &+ prime2
    var lane3 = seed
    var lane4 = seed &- prime1
    var position = 0
    while position < end {
      lane1 = round(lane1, word(data, position))
      lane2 = round(lane2, word(data, position &+ 8))
      lane3 = round(lane3, word(data, position &+ 16))
      lane4 = round(lane4, word(data, position &+ 24))
      position = position &+ 32
    }
    var hash = rotate(lane1, 1) &+ rotate(lane2, 7) &+ rotate(lane3, 12) &+ rotate(lane4, 18)
    hash = merge(hash, lane1)
    hash = merge(hash, lane2)
    hash = merge(hash, lane3)
    return merge(hash, lane4)
  }

  @inline(__always)
  private static func word(_ data: UnsafeRawPointer, _ position: Int) -> UInt64 {
    UInt64(littleEndian: data.loadUnaligned(fromByteOffset: position, as: UInt64.self))
  }

  @inline(__always)
  private static func rotate(_ value: UInt64, _ places: UInt64) -> UInt64 {
    (value &<< places) | (value &>> (64 &- places))
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    rotate(lane &+ word &* prime2, 31) &* prime1
  }

  @inline(__always)
  private static func merge(_ hash: UInt64, _ lane: UInt64) -> UInt64 {
    (hash ^ round(0, lane)) &* prime1 &+ prime4
  }

  @inline(__always)
  private static func avalanche(_ value: UInt64) -> UInt64 {
    var hash = value
    hash = (hash ^ (hash &>> 33)) &* prime2
    hash = (hash ^ (hash &>> 29)) &* prime3
    return hash ^ (hash &>> 32)
  }
}

/// The checksums of the blocks of an array, spread over the threads.
public struct BlockChecksums {
  let data: UnsafeRawPointer
  let size: Int64
  let blockSize: Int64
  let checksums: UnsafeMutablePointer<UInt64>

  /// `size` >= 0, `blockSize` > 0, and `checksums` has room for one per block, the last
  /// of which may be shorter.
  public init(
    data: UnsafeRawPointer, size: Int64, blockSize: Int64,
    checksums: UnsafeMutablePointer<UInt64>
  ) {
    self.data = data
    self.size = size
    self.blockSize = blockSize
    self.checksums = checksums
  }

  public func run() {
    var job = self
    so_parallel_for(
      size, blockSize,
      { context, begin, end, _ in
        let job = context.assumingMemoryBound(to: BlockChecksums.self).pointee
        // A thread that runs alone gets all blocks at once.
        var first = begin
        while first < end {
          let count = min(job.blockSize, end &- first)
          job.checksums[Int(first / job.blockSize)] = XXH64.checksum(
            job.data + Int(first), count: Int(count), seed: 0)
          first = first &+ count
        }
      }, &job)
  }
}
