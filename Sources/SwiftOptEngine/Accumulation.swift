import CSwiftOpt
import SwiftOptShims

/// Gradients that arrive before the step: added to accumulators, or measured.
extension so_plan {
  /// accumulator = (accumulates ? accumulator : 0) + weight · gradient.
  public func accumulate(weight: Double) -> Problem? {
    guard weight > 0, weight < .infinity else {
      return .argument("weight", weight, "finite and > 0")
    }
    return withStep { step in
      if let problem = step.accumulationProblem() { return problem }
      // Accumulators change, and so do gradients that are cleared.
      step.forgetReceived()
      step.share(.accumulate(weight: weight))
      return nil
    }
  }

  /// Computes the sums of one tensor's gradient for the next step.
  public func receive(_ tensor: Int64) -> Problem? {
    guard tensor >= 0, tensor < tensor_count else {
      return .argument("tensor", Double(tensor), "the index of a tensor")
    }
    return withStep { step in
      let index = Int(tensor)
      // Also where the new one is refused: its caller may have let go of the one before.
      step.forgetReceived(index)
      guard let gradient = step.tensors[index].gradient else {
        return .tensor(index, "gradient is NULL")
      }
      let work = step.workspace.tensors + index
      if let problem = step.layoutProblem(index) ?? step.gradientProblem(index) { return problem }
      step.share(.measure, tensor: index)
      work.pointee.receivedGradient = gradient
      work.pointee.receivedDtype = step.tensors[index].gradient_dtype
      step.workspace.header.pointee.receivedCount += 1
      return nil
    }
  }
}

extension Step {
  /// What was received counts for one step.
  func forgetReceived() {
    guard workspace.header.pointee.receivedCount > 0 else { return }
    for index in 0..<tensorCount { workspace.tensors[index].receivedGradient = nil }
    workspace.header.pointee.receivedCount = 0
  }

  fileprivate func forgetReceived(_ index: Int) {
    guard workspace.tensors[index].receivedGradient != nil else { return }
    workspace.tensors[index].receivedGradient = nil
    workspace.header.pointee.receivedCount -= 1
  }

  fileprivate func accumulationProblem() -> Problem? {
    for index in 0..<tensorCount {
      let tensor = tensors[index]
      guard tensor.group >= 0, tensor.group < plan.group_count else {
        return .tensor(index, "group is not the index of a group")
      }
      if let problem = layoutProblem(index) { return problem }
      guard let gradient = tensor.gradient, tensor.count > 0 else { continue }
      guard let accumulator = tensor.accumulator else {
        return .tensor(index, "accumulator is NULL")
      }
      guard tensor.accumulates == 0 || tensor.accumulates == 1 else {
        return .tensor(index, "accumulates is not 0 or 1")
      }
      guard gradient != UnsafeRawPointer(accumulator) else {
        return .tensor(index, "gradient is the accumulator")
      }
      if let problem = gradientProblem(index) { return problem }
    }
    return anyGroup { $0.zero_gradient != 0 } ? sharedGradientsProblem() : nil
  }

  func accumulate(
    _ tensor: UnsafeMutablePointer<so_tensor>, _ tile: Tile, _ weight: Double,
    _ scratch: UnsafeMutableRawPointer
  ) {
    guard let gradient = tensor.pointee.gradient, let accumulator = tensor.pointee.accumulator
    else { return }
    var run = so_accumulation(
      dtype: tensor.pointee.computationDtype, gradient_dtype: tensor.pointee.gradient_dtype,
      accumulator: accumulator, gradient: UnsafeMutableRawPointer(mutating: gradient),
      index: Int64(tile.begin), count: Int64(tile.count), weight: weight,
      adds: tensor.pointee.accumulates,
      zero_gradient: group(tile.tensor).pointee.zero_gradient, scratch: scratch)
    kernels.accumulate!(&run)
  }
}
