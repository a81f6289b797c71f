import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// Everything that a step does to a run of elements.
func updateRun(_ update: UnsafePointer<so_update>) {
  if update.pointee.dtype == SO_FLOAT32 {
    Pipeline<Float>(update).run()
  } else {
    Pipeline<Double>(update).run()
  }
}

/// The stages of a step, for elements of one tensor:
///
///     decode   parameter, gradient and state to the computation's dtype
///     prepare  the gradient: limits and penalties
///     rule     advances the state, gives the step
///     apply    subtracts step and decay
///     encode   state and parameter to their own dtypes
///     publish  running average, copy, cleared gradient
///
/// What is stored in the computation's dtype is worked on where it is. The rest goes
/// through scratch memory in chunks that stay in the first cache level: each byte of the
/// caller's arrays is read and written once.
struct Pipeline<Scalar: RealScalar> {
  /// By reference: it is large, and chunks are many.
  let update: UnsafePointer<so_update>
  /// The rule's steps are needed apart from the parameter.
  let takesSteps: Bool
  /// The gradient needs more than a factor and, with the steps apart, a penalty.
  let preparesGradient: Bool
  /// Nothing but the rule itself has anything to do.
  let isDirect: Bool
  let scratch: ScratchPlan<Scalar>
  /// The stages take long enough to bring the next chunk nearer meanwhile.
  let prefetches: Bool

  init(_ update: UnsafePointer<so_update>) {
    self.update = update
    takesSteps =
      update.pointee.is_trial != 0 || update.pointee.measures != 0 || update.pointee.cautious != 0
      || update.pointee.compensation != nil || update.pointee.step_scale != 1
      || update.pointee.steps_role != SO_STEPS_NONE
    preparesGradient =
      update.pointee.clip_value < .infinity || update.pointee.l1_penalty != 0
      || update.pointee.unit_scales != nil
      || update.pointee.factors != nil
      || (update.pointee.penalty != 0 && (takesSteps || update.pointee.decay != 0))
    isDirect = !takesSteps && !preparesGradient && Self.isAllNative(update)
    prefetches =
      update.pointee.slots.0.isLow || update.pointee.slots.1.isLow
      || update.pointee.slots.2.isLow || update.pointee.slots.3.isLow
      || update.pointee.compensation != nil
      || update.pointee.rounding == SO_ROUND_STOCHASTIC
    scratch =
      isDirect
      ? .none
      : ScratchPlan(update, takesSteps: takesSteps, preparesGradient: preparesGradient)
  }

  func run() {
    if isDirect {
      runDirectly()
      return
    }
    var sums = so_tile_sums(steps: 0, parameters: 0, agreeing: 0)
    forEachChunk { $0.run(&sums) }
    if let out = update.pointee.sums { out.pointee = sums }
  }

  @inline(__always)
  func forEachChunk(_ body: (Chunk<Scalar>) -> Void) {
    let chunk = Int64(scratch.elements)
    let end = update.pointee.index &+ update.pointee.count
    var index = update.pointee.index
    while index < end {
      let count = min(chunk, end &- index)
      body(Chunk(pipeline: self, index: Int(index), count: Int(count)))
      index &+= count
    }
  }

  /// Everything is in the computation's dtype, and nothing follows the rule.
  private static func isAllNative(_ update: UnsafePointer<so_update>) -> Bool {
    let dtype = update.pointee.dtype
    guard update.pointee.parameter_dtype == dtype, update.pointee.gradient_dtype == dtype,
      update.pointee.average == nil, update.pointee.copy == nil,
      update.pointee.zero_gradient == 0
    else { return false }
    func isNative(_ slot: so_stream) -> Bool { slot.data == nil || slot.dtype == dtype }
    return isNative(update.pointee.slots.0) && isNative(update.pointee.slots.1)
      && isNative(update.pointee.slots.2) && isNative(update.pointee.slots.3)
  }

  private func runDirectly() {
    let offset = Int(update.pointee.index) &* MemoryLayout<Scalar>.stride
    let slots = update.pointee.slots
    var pointers = (slots.0.data, slots.1.data, slots.2.data, slots.3.data)
    if let slot = pointers.0 { pointers.0 = slot + offset }
    if let slot = pointers.1 { pointers.1 = slot + offset }
    if let slot = pointers.2 { pointers.2 = slot + offset }
    if let slot = pointers.3 { pointers.3 = slot + offset }
    runRule(
      parameter: (update.pointee.parameter + offset).assumingMemoryBound(to: Scalar.self),
      gradient: (update.pointee.gradient + offset).assumingMemoryBound(to: Scalar.self),
      steps: nil, slots: &pointers, count: Int(update.pointee.count), isPrepared: false)
  }

  @inline(__always)
  func runRule(
    parameter: UnsafeMutablePointer<Scalar>,
    gradient: UnsafePointer<Scalar>,
    steps: UnsafeMutablePointer<Scalar>?,
    slots: inout SlotAddresses,
    count: Int,
    isPrepared: Bool
  ) {
    withUnsafeBytes(of: &slots) { bytes in
      advance(
        update.pointee.optimizer,
        by: RuleRun(
          parameter: parameter,
          gradient: gradient,
          steps: steps,
          slots: bytes.assumingMemoryBound(to: UnsafeMutableRawPointer?.self).baseAddress!,
          count: count,
          scale: isPrepared ? 1 : Scalar(update.pointee.scale),
          decay: steps == nil ? Scalar(update.pointee.decay) : 0,
          penalty: isPrepared ? 0 : Scalar(update.pointee.penalty),
          coefficients: update.pointee.coefficients))
    }
  }
}

/// A tensor's slots, nil where it has none.
typealias SlotAddresses = (
  UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?,
  UnsafeMutableRawPointer?
)
