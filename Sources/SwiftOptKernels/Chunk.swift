import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// A few elements on their way through the pipeline.
struct Chunk<Scalar: RealScalar> {
  let pipeline: Pipeline<Scalar>
  /// The first element, counted in the tensor.
  let index: Int
  let count: Int

  var update: UnsafePointer<so_update> { pipeline.update }

  func run(_ sums: inout so_tile_sums) {
    prefetchNext(quarter: 0)
    let parameter = decodedParameter()
    let gradient = preparedGradient(parameter)
    if let factors = update.pointee.factors {
      factorQuotients(scratch(.gradient), index, count, factors.pointee)
    }
    let steps =
      update.pointee.steps.map { native($0) } ?? (pipeline.takesSteps ? scratch(.steps) : nil)
    var slots: SlotAddresses = (nil, nil, nil, nil)
    if update.pointee.steps_role != SO_STEPS_TAKE {
      slots = decodedSlots()
      prefetchNext(quarter: 1)
      pipeline.runRule(
        parameter: parameter, gradient: gradient, steps: steps, slots: &slots, count: count,
        isPrepared: pipeline.preparesGradient)
    }
    if update.pointee.is_trial != 0 {
      if let steps { measure(steps, parameter, gradient, &sums) }
      return
    }
    if let steps, update.pointee.steps_role != SO_STEPS_GIVE {
      complete(steps, parameter, gradient)
      if update.pointee.measures != 0 { sums.steps += sumOfSquares(steps, count) }
    }
    prefetchNext(quarter: 2)
    // From here on the gradient's scratch holds random bits.
    encodeSlots(slots)
    prefetchNext(quarter: 3)
    if update.pointee.steps_role == SO_STEPS_GIVE { return }
    if let steps, update.pointee.compensation != nil {
      compensate(parameter, steps)
    } else {
      if let steps { subtract(steps, parameter) }
      encodeParameter(parameter)
    }
    publish(parameter)
  }

  // ------------------------------------------------------------------ scratch

  typealias Place = ScratchPlan<Scalar>.Place

  func scratch(_ place: Place) -> UnsafeMutablePointer<Scalar> {
    (update.pointee.scratch + pipeline.scratch.offset(place))
      .assumingMemoryBound(to: Scalar.self)
  }

  /// This chunk of an array of the computation's dtype.
  func native(_ base: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Scalar> {
    base.assumingMemoryBound(to: Scalar.self) + index
  }

  /// This chunk of any array; `purpose` tells its random numbers from those of the tensor's
  /// other arrays.
  func stored(
    _ base: UnsafeMutableRawPointer, _ dtype: Int32, scales: UnsafeMutablePointer<Float>? = nil,
    purpose: UInt64 = 0
  ) -> so_stored {
    so_stored(
      data: base + index &* elementSize(dtype),
      scales: scales.map { $0 + index / Int(SO_BLOCK_ELEMENTS) },
      dtype: dtype, rounding: Int32(SO_ROUND_NEAREST), count: Int64(count), index: Int64(index),
      random_key: mixed(update.pointee.random_key, purpose),
      random_update: update.pointee.random_update)
  }

  // ------------------------------------------------------------------- decode

  /// The parameter that the rule works on: the master, the parameter itself, or scratch.
  func decodedParameter() -> UnsafeMutablePointer<Scalar> {
    if let master = update.pointee.master { return native(master) }
    if update.pointee.parameter_dtype == update.pointee.dtype {
      return native(update.pointee.parameter)
    }
    let out = scratch(.parameter)
    decode(stored(update.pointee.parameter, update.pointee.parameter_dtype), into: out)
    return out
  }

  func preparedGradient(_ parameter: UnsafePointer<Scalar>) -> UnsafePointer<Scalar> {
    let base = UnsafeMutableRawPointer(mutating: update.pointee.gradient)
    if update.pointee.gradient_dtype == update.pointee.dtype, !pipeline.preparesGradient {
      return UnsafePointer(native(base))
    }
    let out = scratch(.gradient)
    decode(stored(base, update.pointee.gradient_dtype), into: out)
    if pipeline.preparesGradient { prepareGradient(out, parameter) }
    return UnsafePointer(out)
  }

  private func decodedSlots() -> SlotAddresses {
    let slots = update.pointee.slots
    return (
      decodedSlot(slots.0, .slot0), decodedSlot(slots.1, .slot1), decodedSlot(slots.2, .slot2),
      decodedSlot(slots.3, .slot3)
    )
  }

  private func decodedSlot(_ slot: so_stream, _ place: Place) -> UnsafeMutableRawPointer? {
    guard let data = slot.data else { return nil }
    // A trial changes a copy.
    if slot.dtype == update.pointee.dtype, update.pointee.is_trial == 0 {
      return UnsafeMutableRawPointer(native(data))
    }
    let out = scratch(place)
    decode(stored(data, slot.dtype, scales: slot.scales), into: out)
    return UnsafeMutableRawPointer(out)
  }

  // ------------------------------------------------------------------- encode

  private func encodeSlots(_ addresses: SlotAddresses) {
    let slots = update.pointee.slots
    encodePair(slots.0, addresses.0, slots.1, addresses.1, purpose: 1)
    encodePair(slots.2, addresses.2, slots.3, addresses.3, purpose: 2)
  }

  /// Two slots, rounded with the same random bits: their halves are exchanged for the second.
  private func encodePair(
    _ first: so_stream, _ firstAddress: UnsafeMutableRawPointer?, _ second: so_stream,
    _ secondAddress: UnsafeMutableRawPointer?, purpose: UInt64
  ) {
    var random = RandomBits(words: nil, rotation: 0)
    if first.isLow || second.isLow {
      random = filled(
        stored(update.pointee.parameter, update.pointee.parameter_dtype, purpose: purpose))
    }
    encodeSlot(first, firstAddress, random)
    random.rotation = 16
    encodeSlot(second, secondAddress, random)
  }

  /// Random bits for the run's key and elements, in the gradient's scratch.
  private func filled(_ run: so_stored) -> RandomBits {
    let words = UnsafeMutableRawPointer(scratch(.gradient)).assumingMemoryBound(to: UInt32.self)
    fillRandom(words, run)
    return RandomBits(words: words, rotation: 0)
  }

  /// States below float32 are rounded by chance: to the nearest, an average stalls whose
  /// change is below half a unit in its last place.
  private func encodeSlot(
    _ slot: so_stream, _ address: UnsafeMutableRawPointer?, _ random: RandomBits
  ) {
    guard let address, let data = slot.data, slot.dtype != update.pointee.dtype else { return }
    encode(
      UnsafePointer(address.assumingMemoryBound(to: Scalar.self)),
      into: stored(data, slot.dtype, scales: slot.scales),
      slot.isLow ? random : RandomBits(words: nil, rotation: 0))
  }

  /// Writes the parameter where the rule worked on a master or on scratch memory.
  private func encodeParameter(_ parameter: UnsafeMutablePointer<Scalar>) {
    if update.pointee.parameter_dtype == update.pointee.dtype { return }
    let target = stored(update.pointee.parameter, update.pointee.parameter_dtype)
    let isRandom = update.pointee.master == nil && update.pointee.rounding == SO_ROUND_STOCHASTIC
    encode(
      UnsafePointer(parameter), into: target,
      isRandom ? filled(target) : RandomBits(words: nil, rotation: 0))
    // What follows is about the parameter as it is stored.
    if update.pointee.master == nil, update.pointee.average != nil || update.pointee.copy != nil {
      decode(target, into: parameter)
    }
  }
}

/// Philox's key for one purpose: SplitMix64's output function, which sends different
/// inputs to different outputs.
private func mixed(_ key: UInt64, _ purpose: UInt64) -> UInt64 {
  var bits = key &+ purpose &* 0x9E37_79B9_7F4A_7C15
  bits = (bits ^ (bits &>> 30)) &* 0xBF58_476D_1CE4_E5B9
  bits = (bits ^ (bits &>> 27)) &* 0x94D0_49BB_1331_11EB
  return bits ^ (bits &>> 31)
}

/// The codecs for a generic computation.
@inline(__always)
func decode<Scalar: RealScalar>(_ run: so_stored, into out: UnsafeMutablePointer<Scalar>) {
  if MemoryLayout<Scalar>.size == 4 {
    decode(run, into: UnsafeMutableRawPointer(out).assumingMemoryBound(to: Float.self))
  } else {
    decode(run, into: UnsafeMutableRawPointer(out).assumingMemoryBound(to: Double.self))
  }
}

@inline(__always)
func encode<Scalar: RealScalar>(
  _ values: UnsafePointer<Scalar>, into run: so_stored,
  _ random: RandomBits = RandomBits(words: nil, rotation: 0)
) {
  if MemoryLayout<Scalar>.size == 4 {
    encode(UnsafeRawPointer(values).assumingMemoryBound(to: Float.self), into: run, random)
  } else {
    encode(UnsafeRawPointer(values).assumingMemoryBound(to: Double.self), into: run, random)
  }
}
