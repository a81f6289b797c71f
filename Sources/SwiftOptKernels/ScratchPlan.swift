import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// Which streams of a chunk need scratch memory, and how large chunks are therefore: the
/// fewer streams, the longer the chunks, and the less their beginnings cost.
struct ScratchPlan<Scalar: RealScalar> {
  enum Place: Int {
    /// The gradient, and then random bits.
    case gradient
    case parameter, slot0, slot1, slot2, slot3, steps, compensation
  }

  private let places: Int
  private let bytes: Int

  /// For a run without chunks.
  static var none: ScratchPlan { ScratchPlan(places: 0, bytes: 0) }

  private init(places: Int, bytes: Int) {
    self.places = places
    self.bytes = bytes
  }

  init(_ update: UnsafePointer<so_update>, takesSteps: Bool, preparesGradient: Bool) {
    let dtype = update.pointee.dtype
    let slots = update.pointee.slots
    let hasLowSlot = slots.0.isLow || slots.1.isLow || slots.2.isLow || slots.3.isLow
    var places = 0
    func need(_ place: Place, _ isNeeded: Bool) {
      if isNeeded { places |= 1 &<< place.rawValue }
    }
    func needsScratch(_ slot: so_stream) -> Bool {
      slot.data != nil && (slot.dtype != dtype || update.pointee.is_trial != 0)
    }
    need(
      .gradient,
      preparesGradient || hasLowSlot || update.pointee.gradient_dtype != dtype
        || update.pointee.rounding == SO_ROUND_STOCHASTIC)
    need(.parameter, update.pointee.master == nil && update.pointee.parameter_dtype != dtype)
    need(.slot0, needsScratch(slots.0))
    need(.slot1, needsScratch(slots.1))
    need(.slot2, needsScratch(slots.2))
    need(.slot3, needsScratch(slots.3))
    need(.steps, takesSteps)
    need(.compensation, update.pointee.compensation != nil)
    self.places = places
    bytes = places.nonzeroBitCount <= 4 ? Int(SO_SCRATCH_BYTES) / 4 : Int(SO_SCRATCH_BYTES) / 8
  }

  /// The most elements of a chunk: a multiple of 256.
  var elements: Int { bytes / MemoryLayout<Scalar>.stride }

  /// Where a stream's scratch begins. The needed ones lie one after the other.
  func offset(_ place: Place) -> Int {
    (places & (1 &<< place.rawValue &- 1)).nonzeroBitCount &* bytes
  }
}

extension so_stream {
  /// Stored below float32.
  var isLow: Bool { data != nil && dtype != SO_FLOAT32 && dtype != SO_FLOAT64 }
}
