import CSwiftOpt
import SwiftOptShims

/// Adaptive gradient clipping: Brock et al. 2021, "High-performance large-scale image
/// recognition without normalization", equation 3. A unit's gradient is limited to a share
/// of the unit's parameter norm, which counts as 1e-3 at least (their ε), so that units
/// that start at 0 can move.
private let leastParameterNorm = 1e-3

extension Step {
  /// Fills each unit's factor.
  func measureUnits() {
    let units = workspace.header.pointee.sizes.units
    let isSmall = workspace.header.pointee.elementCount < serialElements
    let grain = isSmall ? units : max(1, units / (64 * Int(so_pool_get_threads())))
    var job = self
    so_parallel_for(
      Int64(units), Int64(grain),
      { context, begin, end, _ in
        let job = context.assumingMemoryBound(to: Step.self)
        var tensor = job.pointee.workspace.tensor(ofUnit: Int(begin))
        for unit in Int(begin)..<Int(end) {
          while tensor &+ 1 < job.pointee.tensorCount,
            job.pointee.workspace.tensors[tensor &+ 1].firstUnit <= unit
          { tensor &+= 1 }
          job.pointee.measureUnit(unit, of: tensor)
        }
      }, &job)
  }

  private func measureUnit(_ unit: Int, of index: Int) {
    let tensor = tensors[index]
    let ratio = group(index).pointee.clip_unit_ratio
    workspace.unitScales[unit] = 1
    workspace.unitNorms[unit] = 0
    guard let gradient = tensor.gradient, tensor.count > 0, ratio < .infinity else { return }
    let length = Int(tensor.count / tensor.units)
    let begin = (unit &- workspace.tensors[index].firstUnit) &* length
    let squares = kernels.square_sum!(
      tensor.computationDtype, tensor.gradient_dtype,
      gradient + begin &* (elementSize(tensor.gradient_dtype) ?? 0), Int64(length))
    let norm = squares.sum.squareRoot() * plan.gradient_scale
    let parameterNorm = squaresOfParameter(tensor, begin, length).squareRoot()
    let limit = ratio * max(parameterNorm, leastParameterNorm)
    if norm > limit { workspace.unitScales[unit] = limit / norm }
    workspace.unitNorms[unit] = min(norm, limit)
  }

  /// The norm of a tensor's gradient after its units are limited.
  func limitedUnitNorm(_ index: Int) -> Double {
    let first = workspace.tensors[index].firstUnit
    var total = 0.0
    for unit in first..<first &+ Int(tensors[index].units) {
      total += workspace.unitNorms[unit] * workspace.unitNorms[unit]
    }
    return total.squareRoot()
  }
}
