import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// Pass 1: norms and finiteness of the gradients, and what clipping makes of them.
extension Step {
  /// One tile's sum of squares.
  func measure(_ tensor: UnsafeMutablePointer<so_tensor>, _ tile: Tile) {
    let work = workspace.tensors + tile.tensor
    let dtype = tensor.pointee.gradient_dtype
    let isReceived =
      tensor.pointee.gradient != nil && work.pointee.receivedGradient == tensor.pointee.gradient
      && work.pointee.receivedDtype == dtype
    if !isReceived {
      var result = so_square_sum(sum: 0, is_finite: 1)
      if let gradient = tensor.pointee.gradient {
        result = kernels.square_sum!(
          tensor.pointee.computationDtype, dtype,
          gradient + tile.begin &* (elementSize(dtype) ?? 0), Int64(tile.count))
      }
      workspace.tileSums[tile.index] = result.sum
      workspace.tileIsFinite[tile.index] = result.is_finite == 0 ? 0 : 1
    }
    if kind == SO_TRUST_GRADIENT, tensor.pointee.gradient != nil {
      workspace.stepSums[tile.index].parameters = squaresOfParameter(
        tensor.pointee, tile.begin, tile.count)
    }
  }

  /// The sum of squares of some elements of the parameter, or of its master.
  func squaresOfParameter(_ tensor: so_tensor, _ begin: Int, _ count: Int) -> Double {
    let dtype = tensor.master != nil ? so_dtype(SO_FLOAT32) : tensor.parameter_dtype
    guard
      let base = tensor.master.map({ UnsafeRawPointer($0) })
        ?? tensor.parameter.map({ UnsafeRawPointer($0) })
    else { return 0 }
    return kernels.square_sum!(
      tensor.computationDtype, dtype, base + begin &* (elementSize(dtype) ?? 0), Int64(count)
    ).sum
  }

  /// Fills the report's norm and first bad tensor.
  func sumSquares(_ report: inout so_report) {
    // In the order of the tiles, on one thread: the same bits whoever computed them.
    var total = 0.0
    for index in 0..<tensorCount {
      total += sum(ofTensor: index) { workspace.tileSums[$0] }
      if report.first_bad < 0 && !isFinite(index) { report.first_bad = Int64(index) }
    }
    report.norm_computed = 1
    report.grad_norm = total.squareRoot() * plan.gradient_scale
  }

  /// The gradients' factors: units, then each tensor's own norm, then the norm over all of
  /// them, then the trust in each. Norms are those after the limits before.
  func limitNorms(_ report: inout so_report, clipsUnits: Bool, clipsTensors: Bool) {
    var total = report.grad_norm
    if clipsUnits || clipsTensors {
      var squares = 0.0
      for index in 0..<tensorCount {
        let limit = group(index).pointee.clip_tensor_norm
        let norm = gradientNorm(index, clipsUnits: clipsUnits)
        workspace.tensors[index].gradientScale = factor(norm: norm, limit: limit)
        // Not the norm times its factor: that is ∞ · 0 for a norm that overflowed.
        let limited = min(norm, limit)
        squares += limited * limited
      }
      total = squares.squareRoot()
    }
    report.clip_coefficient = factor(norm: total, limit: plan.clip_norm)
    for index in 0..<tensorCount {
      let work = workspace.tensors + index
      let own = clipsUnits || clipsTensors ? work.pointee.gradientScale : 1
      work.pointee.gradientScale = own * report.clip_coefficient
      if kind == SO_TRUST_GRADIENT, tensors[index].gradient != nil {
        let norm = gradientNorm(index, clipsUnits: clipsUnits) * work.pointee.gradientScale
        let parameterNorm = sum(ofTensor: index) { workspace.stepSums[$0].parameters }.squareRoot()
        work.pointee.penaltyScale = trustRatio(
          index, parameterNorm: parameterNorm, otherNorm: norm)
        work.pointee.gradientScale *= work.pointee.penaltyScale
      }
      work.pointee.gradientScale *= plan.gradient_scale
    }
  }

  /// The norm of a tensor's gradient, scaled, and limited by its units where they are.
  private func gradientNorm(_ index: Int, clipsUnits: Bool) -> Double {
    if clipsUnits, group(index).pointee.clip_unit_ratio < .infinity {
      return limitedUnitNorm(index)
    }
    return sum(ofTensor: index) { workspace.tileSums[$0] }.squareRoot() * plan.gradient_scale
  }

  private func factor(norm: Double, limit: Double) -> Double {
    norm > limit ? limit / norm : 1
  }

  private func isFinite(_ index: Int) -> Bool {
    for tile in workspace.firstTile[index]..<workspace.firstTile[index + 1]
    where workspace.tileIsFinite[tile] == 0 {
      return false
    }
    return true
  }
}
