import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// What the passes over one tensor by itself have besides the plan.
struct SingleTensor {
  /// The gradient is divided by these second moments.
  var factors: UnsafePointer<so_factors>?
  /// Where the rule's steps go to, or come from.
  var steps: UnsafeMutableRawPointer?
  var stepsRole = Int32(SO_STEPS_NONE)
}

/// Rules that need more of a tensor than its tiles, one after the other: all threads work on
/// the same tensor, and one workspace is enough for the largest.
extension Step {
  mutating func updateByThemselves() {
    for index in 0..<tensorCount where tensors[index].gradient != nil && !isElementwise(index) {
      // The shape must be the one that the workspace was made for.
      let tensor = tensors[index]
      guard tensor.count > 0, tensor.countProblem(index) == nil,
        tensor.matrixBytes(kind) <= workspace.header.pointee.sizes.matrixBytes
      else { continue }
      if kind == SO_FACTORED { updateFactored(index) } else { updateMatrices(index) }
    }
  }

  /// Runs a pass over one tensor.
  func share(_ pass: Pass, tensor: Int, _ single: SingleTensor) {
    var step = self
    step.single = single
    step.share(pass, tensor: tensor)
  }

  /// The same for an update whose steps are multiplied by `stepScale`, and by what a
  /// cautious group's trial finds.
  func update(_ index: Int, _ single: SingleTensor, stepScale: Double) {
    var step = self
    let work = workspace.tensors + index
    step.scalesSteps = true
    work.pointee.penaltyScale = 1
    work.pointee.stepScale = stepScale
    if group(index).pointee.cautious != 0 {
      step.share(.trial, tensor: index, single)
      work.pointee.stepScale *= cautiousScale(index)
    }
    step.share(.update, tensor: index, single)
  }
}

extension so_tensor {
  /// Bytes of workspace that a step of this kind of rule needs for the tensor.
  func matrixBytes(_ kind: Int) -> Int {
    guard isMatrix else { return 0 }
    let (count, rows, columns) = (Int(count), Int(rows), Int(columns))
    switch kind {
    case SO_FACTORED:
      return FactoredMoments.workspaceBytes(count: count, rows: rows, columns: columns)
    case SO_MATRIX:
      return stepsBytes
        + NewtonSchulz.workspaceBytes(rows: rows, columns: columns, dtype: computationDtype)
    default: return 0
    }
  }

  /// Bytes of one step for all elements, rounded up to keep what follows aligned.
  var stepsBytes: Int {
    (Int(count) * (computationDtype == SO_FLOAT64 ? 8 : 4) + 15) & ~15
  }
}
