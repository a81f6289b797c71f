import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// The factors of the tensors' steps that depend on the whole step of a tensor: trust
/// ratios, and what makes up for the steps that a cautious group leaves out. A trial
/// computes the steps and what is needed of them, and changes nothing.
extension Step {
  func scaleSteps(hasTrial: Bool) {
    if hasTrial { share(.trial) }
    for index in 0..<tensorCount where tensors[index].gradient != nil && isElementwise(index) {
      let work = workspace.tensors + index
      if kind != SO_TRUST_GRADIENT { work.pointee.penaltyScale = 1 }
      var scale = 1.0
      if kind == SO_TRUST_STEP {
        let norm = sum(ofTensor: index) { workspace.stepSums[$0].steps }.squareRoot()
        let parameterNorm = sum(ofTensor: index) { workspace.stepSums[$0].parameters }.squareRoot()
        scale =
          group(index).pointee.lr
          * trustRatio(index, parameterNorm: parameterNorm, otherNorm: norm)
      }
      if group(index).pointee.cautious != 0 { scale *= cautiousScale(index) }
      work.pointee.stepScale = scale
    }
  }

  /// Whether a tensor's step has to be tried before it is made.
  func isTried(_ index: Int) -> Bool {
    tensors[index].gradient != nil && isElementwise(index)
      && (kind == SO_TRUST_STEP || single != nil || group(index).pointee.cautious != 0)
  }

  /// What makes up for the steps that a trial found to be against the gradient.
  func cautiousScale(_ index: Int) -> Double {
    let count = Double(tensors[index].count)
    let agreeing = sum(ofTensor: index) { workspace.stepSums[$0].agreeing }
    // At least a thousandth, or a few steps would become huge ones.
    return count / max(agreeing, count / 1000)
  }

  func trustRatio(_ index: Int, parameterNorm: Double, otherNorm: Double) -> Double {
    var visitor = TrustRatio(
      step: tensorStep(index), parameterNorm: parameterNorm, otherNorm: otherNorm)
    _ = visitOptimizer(plan.optimizer, &visitor)
    return visitor.ratio
  }

  func tensorStep(_ index: Int) -> TensorStep {
    let group = group(index)
    return TensorStep(
      lr: group.pointee.lr, weightDecay: group.pointee.weight_decay,
      hyperparameters: group.pointee.hyperparameterPointer(group),
      scalars: tensors[index].scalars!)
  }
}

private struct TrustRatio: OptimizerVisitor {
  let step: TensorStep
  let parameterNorm: Double
  let otherNorm: Double
  var ratio = 1.0

  mutating func visit<Chosen: Optimizer>(_ optimizer: Chosen.Type) {
    ratio = Chosen.trustRatio(parameterNorm: parameterNorm, otherNorm: otherNorm, for: step)
  }
}

extension so_group {
  /// The hyper-parameters in the group that `pointer` points to.
  func hyperparameterPointer(_ pointer: UnsafePointer<so_group>) -> UnsafePointer<Double> {
    // They end the struct; key paths, which could tell, are not in Embedded Swift.
    let offset = MemoryLayout<so_group>.size - MemoryLayout.size(ofValue: hyperparameters)
    return (UnsafeRawPointer(pointer) + offset).assumingMemoryBound(to: Double.self)
  }
}
