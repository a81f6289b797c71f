import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// Muon's step for a tensor of matrices.
extension Step {
  /// The rule advances the momentum and leaves its directions in the workspace; each matrix
  /// of them is made orthogonal there; the pipeline then takes them as the steps.
  func updateMatrices(_ index: Int) {
    let tensor = tensors[index]
    let (rows, columns) = (Int(tensor.rows), Int(tensor.columns))
    let steps = workspace.matrixScratch
    share(
      .update, tensor: index,
      SingleTensor(factors: nil, steps: steps, stepsRole: Int32(SO_STEPS_GIVE)))

    let numbers = tensorStep(index)
    let orthogonalization = NewtonSchulz(
      dtype: tensor.computationDtype, rows: rows, columns: columns, kernels: kernels,
      products: products, workspace: steps + tensor.stepsBytes)
    let matrixBytes = rows * columns * (tensor.computationDtype == SO_FLOAT64 ? 8 : 4)
    for matrix in 0..<Int(tensor.count) / (rows * columns) {
      orthogonalization.run(
        steps + matrix * matrixBytes, steps: Muon.newtonSchulzSteps(for: numbers),
        eps: Muon.eps(for: numbers))
    }

    update(
      index, SingleTensor(factors: nil, steps: steps, stepsRole: Int32(SO_STEPS_TAKE)),
      stepScale: Muon.stepScale(rows: rows, columns: columns, for: numbers))
  }
}
