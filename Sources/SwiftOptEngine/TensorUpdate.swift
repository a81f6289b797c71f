import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// The numbers of each tensor's step, then its tiles.
extension Step {
  /// Advances the scalars of every tensor that has a gradient and stores the numbers
  /// that its rule needs.
  ///
  /// Neighbours mostly share group and step count, and then the numbers too. With many
  /// small tensors it also matters to write no more than has to be: the other threads
  /// have these cache lines, and each one that changed has to travel.
  func beginTensors() {
    // At most 8 fit; descriptions have SO_MAX_SCALARS at most.
    let scalarCount = min(8, Int(description.pointee.scalar_count))
    var begin = BeginTensors(step: self, scalarCount: scalarCount)
    _ = visitOptimizer(plan.optimizer, &begin)
  }

  /// One run of tiles through the pipeline.
  func update(
    _ tensor: UnsafeMutablePointer<so_tensor>, _ tile: Tile, isTrial: Bool,
    _ scratch: UnsafeMutableRawPointer
  ) {
    withPipelineInput(tensor, tile, isTrial: isTrial, scratch) { kernels.update!(&$0) }
  }

  /// Calls `body` with what a level needs to know about a run of tiles; not at all if there
  /// is nothing to do. Inlined, because the struct is large and small tensors are many.
  @inline(__always)
  func withPipelineInput(
    _ tensor: UnsafeMutablePointer<so_tensor>, _ tile: Tile, isTrial: Bool,
    _ scratch: UnsafeMutableRawPointer, _ body: (inout so_update) -> Void
  ) {
    guard let gradient = tensor.pointee.gradient, let parameter = tensor.pointee.parameter
    else { return }
    let work = workspace.tensors + tile.tensor
    let group = group(tile.tensor)
    let scale = limitsNorms ? work.pointee.gradientScale : plan.gradient_scale
    let penaltyScale = scalesSteps ? work.pointee.penaltyScale : 1
    let needsSums = isTrial || has(SO_REPORT_UPDATE_NORM)
    var unitScales: UnsafePointer<Double>?
    if group.pointee.clip_unit_ratio < .infinity {
      unitScales = UnsafePointer(workspace.unitScales + work.pointee.firstUnit)
    }
    var update = so_update(
      optimizer: plan.optimizer,
      dtype: tensor.pointee.computationDtype,
      index: Int64(tile.begin),
      count: Int64(tile.count),
      parameter: parameter,
      gradient: gradient,
      slots: usedSlots(tensor, work.pointee.usedSlots & fullSlots),
      master: tensor.pointee.master.map { UnsafeMutableRawPointer($0) },
      compensation: tensor.pointee.compensation,
      average: tensor.pointee.average,
      copy: tensor.pointee.copy,
      parameter_dtype: tensor.pointee.parameter_dtype,
      gradient_dtype: tensor.pointee.gradient_dtype,
      copy_dtype: tensor.pointee.copy_dtype,
      rounding: tensor.pointee.rounding,
      scale: group.pointee.maximize != 0 ? -scale : scale,
      // Limit and penalties are those of a gradient that no trust ratio has scaled yet.
      clip_value: group.pointee.clip_value < .infinity
        ? group.pointee.clip_value * penaltyScale : .infinity,
      l1_penalty: group.pointee.l1_penalty * penaltyScale,
      penalty: group.pointee.penalty * penaltyScale,
      decay: group.pointee.decayShare,
      step_scale: scalesSteps && !isTrial ? work.pointee.stepScale : 1,
      average_decay: group.pointee.average_decay,
      unit_scales: unitScales,
      unit_length: unitScales == nil ? 0 : tensor.pointee.count / tensor.pointee.units,
      cautious: group.pointee.cautious,
      zero_gradient: clearsGradient(tile.tensor) ? 1 : 0,
      is_trial: isTrial ? 1 : 0,
      measures: needsSums ? 1 : 0,
      coefficients: UnsafeRawPointer(
        workspace.coefficients + work.pointee.model &* Int(SO_COEFFICIENT_BYTES)),
      factors: single?.factors,
      steps: single?.steps,
      steps_role: single?.stepsRole ?? Int32(SO_STEPS_NONE),
      random_key: tensor.pointee.key ^ plan.seed &* 0xD1B5_4A32_D192_ED03,
      random_update: updateNumber(tensor.pointee.scalars?[0] ?? 0),
      sums: needsSums ? workspace.stepSums + tile.index : nil,
      scratch: scratch)
    body(&update)
  }

  /// Whether a step sets the tensor's gradient to 0. Accumulators say by themselves when they
  /// begin anew.
  func clearsGradient(_ index: Int) -> Bool {
    tensors[index].gradient != UnsafeRawPointer(tensors[index].accumulator)
      && group(index).pointee.zero_gradient != 0
  }

  /// A step count as a whole number; a caller may have written anything there.
  private func updateNumber(_ step: Double) -> UInt64 {
    step >= 0 && step < 0x1p62 ? UInt64(step) : 0
  }

  /// The tensor's slots without those that no hyper-parameter asks for.
  private func usedSlots(_ tensor: UnsafeMutablePointer<so_tensor>, _ used: UInt32)
    -> (so_stream, so_stream, so_stream, so_stream)
  {
    let slots = tensor.pointee.slots
    func stream(_ array: so_array, _ bit: UInt32) -> so_stream {
      used & bit == 0
        ? so_stream()
        : so_stream(data: array.data, scales: array.scales, dtype: array.dtype, reserved: 0)
    }
    return (stream(slots.0, 1), stream(slots.1, 2), stream(slots.2, 4), stream(slots.3, 8))
  }
}

extension so_group {
  /// What is added to the gradient for each unit of the parameter.
  var penalty: Double {
    decay == SO_DECAY_COUPLED ? weight_decay + l2_penalty : l2_penalty
  }

  /// The share of itself that the parameter loses beside the rule's step.
  var decayShare: Double {
    switch Int(decay) {
    case SO_DECAY_DECOUPLED: lr * weight_decay
    case SO_DECAY_INDEPENDENT: weight_decay
    default: 0
    }
  }
}

private struct BeginTensors: OptimizerVisitor {
  let step: Step
  let scalarCount: Int

  mutating func visit<Chosen: Optimizer>(_ optimizer: Chosen.Type) {
    // The last tensor whose numbers were computed, and its scalars before that.
    var model = -1
    var modelScalars = SIMD8<Double>()
    for index in 0..<step.tensorCount {
      let tensor = step.tensors + index
      guard tensor.pointee.gradient != nil, let scalars = tensor.pointee.scalars else { continue }
      let work = step.workspace.tensors + index
      // A factored rule's numbers depend on the tensor's norms too.
      if model >= 0, step.kind != SO_FACTORED,
        step.tensors[model].group == tensor.pointee.group, has(scalars, modelScalars)
      {
        if work.pointee.model != model { work.pointee.model = model }
        let advanced = step.tensors[model].scalars!
        for position in 0..<scalarCount { scalars[position] = advanced[position] }
        continue
      }
      for position in 0..<scalarCount { modelScalars[position] = scalars[position] }
      scalars[0] += 1
      let numbers = Chosen.coefficients(for: step.tensorStep(index))
      let place = step.workspace.coefficients + index &* Int(SO_COEFFICIENT_BYTES)
      place.storeBytes(of: numbers, as: Chosen.Coefficients.self)
      work.pointee.model = index
      model = index
    }
  }

  /// Number by number: a loop over three is shorter than filling a vector.
  @inline(__always)
  private func has(_ scalars: UnsafePointer<Double>, _ values: SIMD8<Double>) -> Bool {
    for position in 0..<scalarCount where scalars[position] != values[position] { return false }
    return true
  }
}
