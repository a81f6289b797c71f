import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// Pass 2: the numbers of each tensor's step, then the tiles.
extension Step {
  /// Advances the scalars of every tensor that has a gradient and stores the numbers
  /// that its rule needs.
  ///
  /// Neighbours mostly share group and step count, and then the numbers too. With many
  /// small tensors it also matters to write no more than has to be: the other threads
  /// have these cache lines, and each one that changed has to travel.
  func beginTensors(_ description: so_description) {
    var begin = BeginTensors(step: self, scalarCount: Int(description.scalar_count))
    _ = visitOptimizer(plan.optimizer, &begin)
  }

  /// Whether a tensor's gradient has to be prepared before its rule can read it.
  func prepares(_ index: Int) -> Bool {
    let tensor = tensors + index
    let group = plan.groups! + Int(tensor.pointee.group)
    return tensor.pointee.gradient_dtype != tensor.pointee.parameter_dtype
      || group.pointee.maximize != 0
      || (limitsNorms && workspace.tensors[index].gradientScale != 1)
      || group.pointee.clip_value < .infinity
  }

  /// One tile through the pipeline: the gradient as it is or prepared in scratch, then
  /// the rule on the caller's memory.
  func update(
    _ tensor: UnsafeMutablePointer<so_tensor>, _ tile: Tile, _ scratch: UnsafeMutableRawPointer
  ) {
    guard let gradient = tensor.pointee.gradient, let parameter = tensor.pointee.parameter
    else { return }
    let work = workspace.tensors + tile.tensor
    let dtype = tensor.pointee.parameter_dtype
    let gradientDtype = tensor.pointee.gradient_dtype
    let size = dtype == Int32(SO_FLOAT32) ? 4 : 8
    let gradientSize = gradientDtype == Int32(SO_FLOAT32) ? 4 : 8
    let tileParameter = parameter + tile.begin &* size
    var tileGradient = gradient + tile.begin &* gradientSize

    let group = plan.groups! + Int(tensor.pointee.group)
    var penalty = isDecoupled ? 0 : group.pointee.weight_decay
    if prepares(tile.tensor) {
      let limit = limitsNorms ? work.pointee.gradientScale : 1
      var prepare = so_prepare(
        dtype: dtype, gradient_dtype: gradientDtype, gradient: tileGradient,
        parameter: tileParameter, out: scratch, count: Int64(tile.count),
        scale: group.pointee.maximize != 0 ? -limit : limit,
        clip_value: group.pointee.clip_value,
        penalty: penalty)
      penalty = 0
      kernels.prepare!(&prepare)
      tileGradient = UnsafeRawPointer(scratch)
    }
    var slots = tensor.pointee.slots
    withUnsafeMutableBytes(of: &slots) { bytes in
      let slots = bytes.assumingMemoryBound(to: UnsafeMutableRawPointer?.self).baseAddress!
      for slot in 0..<Int(SO_MAX_SLOTS) where work.pointee.usedSlots & (1 << UInt32(slot)) == 0 {
        slots[slot] = nil
      }
      var update = so_update(
        optimizer: plan.optimizer, dtype: dtype, parameter: tileParameter,
        gradient: tileGradient, slots: slots,
        offset: Int64(tile.begin), count: Int64(tile.count),
        decay: isDecoupled ? group.pointee.lr * group.pointee.weight_decay : 0, penalty: penalty,
        coefficients: workspace.coefficients + work.pointee.model &* Int(SO_COEFFICIENT_BYTES))
      kernels.update!(&update)
    }
  }
}

private struct BeginTensors: OptimizerVisitor {
  let step: Step
  let scalarCount: Int

  mutating func visit<Chosen: Optimizer>(_ optimizer: Chosen.Type) {
    // The last tensor whose numbers were computed, and its scalars before that.
    var model = -1
    var modelScalars = SIMD4<Double>()
    for index in 0..<step.tensorCount {
      let tensor = step.tensors + index
      guard tensor.pointee.gradient != nil, let scalars = tensor.pointee.scalars else { continue }
      let group = step.plan.groups! + Int(tensor.pointee.group)
      let work = step.workspace.tensors + index
      let before = load(scalars)
      if model >= 0, before == modelScalars,
        step.tensors[model].group == tensor.pointee.group
      {
        if work.pointee.model != model { work.pointee.model = model }
        scalars.update(from: step.tensors[model].scalars!, count: scalarCount)
        continue
      }
      scalars[0] += 1
      let numbers = withUnsafeBytes(of: group.pointee.hyperparameters) {
        Chosen.coefficients(
          for: TensorStep(
            lr: group.pointee.lr,
            hyperparameters: $0.assumingMemoryBound(to: Double.self).baseAddress!,
            scalars: scalars))
      }
      let place = step.workspace.coefficients + index &* Int(SO_COEFFICIENT_BYTES)
      place.storeBytes(of: numbers, as: Chosen.Coefficients.self)
      work.pointee.model = index
      model = index
      modelScalars = before
    }
  }

  private func load(_ scalars: UnsafePointer<Double>) -> SIMD4<Double> {
    var values = SIMD4<Double>()
    for index in 0..<min(scalarCount, 4) { values[index] = scalars[index] }
    return values
  }
}
