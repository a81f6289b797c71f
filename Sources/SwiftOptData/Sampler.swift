import CSwiftOpt

extension so_sampler {
  /// How many positions of an epoch are this rank's.
  public var positions: Int {
    // The first of rank r is position r of all; each further one is `world` behind.
    length <= rank ? 0 : Int((length &- rank &- 1) / world &+ 1)
  }
}

/// The order of one epoch.
struct EpochOrder {
  private let sampler: so_sampler
  private let permutation: Permutation
  private let draws: RandomStream
  let epoch: UInt64

  init(_ sampler: so_sampler, epoch: UInt64) {
    self.sampler = sampler
    self.epoch = epoch
    permutation = Permutation(count: Int(sampler.sample_count), seed: sampler.seed, epoch: epoch)
    draws = RandomStream(seed: sampler.seed, purpose: RandomPurpose.weighted)
  }

  /// Writes the samples at positions of the whole world, each `step` behind the one before. A
  /// sample that the caller's arrays have out of range is written as it is.
  func write(_ indices: UnsafeMutablePointer<Int64>, first: Int64, step: Int64, count: Int) {
    var position = first
    var index = 0
    switch sampler.kind {
    case SO_SAMPLER_SHUFFLED:
      while index < count {
        indices[index] = Int64(truncatingIfNeeded: permutation.at(UInt64(bitPattern: position)))
        position &+= step
        index &+= 1
      }
    case SO_SAMPLER_WEIGHTED:
      while index < count {
        indices[index] = draw(UInt64(bitPattern: position))
        position &+= step
        index &+= 1
      }
    case SO_SAMPLER_LISTED:
      guard let listed = sampler.listed else { return }
      while index < count {
        indices[index] = listed[Int(position)]
        position &+= step
        index &+= 1
      }
    default:
      while index < count {
        indices[index] = position
        position &+= step
        index &+= 1
      }
    }
  }

  /// Walker's draw: a column, then itself or its alias.
  @inline(__always)
  private func draw(_ position: UInt64) -> Int64 {
    guard let accept = sampler.accept, let alias = sampler.alias else { return 0 }
    let block = draws.block(epoch: epoch, number: position)
    let columns = UInt64(truncatingIfNeeded: sampler.sample_count)
    // The upper half of the product: each column comes up, within 2^-64, equally often.
    let column = Int(truncatingIfNeeded: block.lower.multipliedFullWidth(by: columns).high)
    let chance = Double(block.upper >> 11) * 0x1p-53
    return chance < accept[column] ? Int64(truncatingIfNeeded: column) : alias[column]
  }
}
