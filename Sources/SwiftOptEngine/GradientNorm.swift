import CSwiftOpt
import SwiftOptShims

/// Pass 1: norms and finiteness of the gradients, and what clipping makes of them.
extension Step {
  /// One tile's sum of squares.
  func measure(_ tensor: UnsafeMutablePointer<so_tensor>, _ tile: Tile) {
    var result = so_square_sum(sum: 0, is_finite: 1)
    if let gradient = tensor.pointee.gradient {
      let dtype = tensor.pointee.gradient_dtype
      let offset = tile.begin &* (dtype == Int32(SO_FLOAT32) ? 4 : 8)
      result = kernels.square_sum!(
        tensor.pointee.parameter_dtype, dtype, gradient + offset, Int64(tile.count))
    }
    workspace.tileSums[tile.index] = result.sum
    workspace.tileIsFinite[tile.index] = result.is_finite == 0 ? 0 : 1
  }

  /// Fills the report's norm and first bad tensor.
  func sumSquares(_ report: inout so_report) {
    // In the order of the tiles, on one thread: the same bits whoever computed them.
    var total = 0.0
    for index in 0..<tensorCount {
      total += tensorSquareSum(index)
      if report.first_bad < 0 && !isFinite(index) { report.first_bad = Int64(index) }
    }
    report.norm_computed = 1
    report.grad_norm = total.squareRoot()
  }

  /// Turns the limits into one factor per tensor: first each tensor's own norm, then
  /// the norm over all of them after that.
  func limitNorms(_ report: inout so_report, limitsTensorNorms: Bool) {
    var total = report.grad_norm
    if limitsTensorNorms {
      var sum = 0.0
      for index in 0..<tensorCount {
        let limit = plan.groups![Int(tensors[index].group)].clip_tensor_norm
        let norm = tensorSquareSum(index).squareRoot()
        workspace.tensors[index].gradientScale = factor(norm: norm, limit: limit)
        // Not the norm times its factor: that is ∞ · 0 for a norm that overflowed.
        let limited = min(norm, limit)
        sum += limited * limited
      }
      total = sum.squareRoot()
    }
    report.clip_coefficient = factor(norm: total, limit: plan.clip_norm)
    for index in 0..<tensorCount {
      let own = limitsTensorNorms ? workspace.tensors[index].gradientScale : 1
      workspace.tensors[index].gradientScale = own * report.clip_coefficient
    }
  }

  private func factor(norm: Double, limit: Double) -> Double {
    norm > limit ? limit / norm : 1
  }

  private func tensorSquareSum(_ index: Int) -> Double {
    var sum = 0.0
    for tile in workspace.firstTile[index]..<workspace.firstTile[index + 1] {
      sum += workspace.tileSums[tile]
    }
    return sum
  }

  private func isFinite(_ index: Int) -> Bool {
    for tile in workspace.firstTile[index]..<workspace.firstTile[index + 1]
    where workspace.tileIsFinite[tile] == 0 {
      return false
    }
    return true
  }
}
