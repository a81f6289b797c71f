import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// Adafactor's step for a tensor.
///
/// Three passes: the sums of the squared gradient over rows and columns, for matrices only;
/// a trial that measures the parameter and the step before it is scaled; the update.
extension Step {
  func updateFactored(_ index: Int) {
    guard tensors[index].isMatrix else {
      updateMeasured(index, SingleTensor())
      return
    }
    guard let moments = factoredMoments(index) else { return }
    let coefficients = coefficients(index).pointee
    let isFloat = tensors[index].computationDtype == SO_FLOAT32
    sumSquares(index, moments)
    moments.finish(
      share: coefficients.newestShare,
      leastMean: isFloat ? coefficients.leastMean(Float.self) : coefficients.leastMean(Double.self))
    let least =
      isFloat ? coefficients.leastVariance(Float.self) : coefficients.leastVariance(Double.self)
    withUnsafePointer(to: moments.factors(least: least)) {
      updateMeasured(index, SingleTensor(factors: $0))
    }
  }

  private func updateMeasured(_ index: Int, _ single: SingleTensor) {
    share(.trial, tensor: index, single)
    let coefficients = coefficients(index)
    coefficients.pointee = coefficients.pointee.measured(
      parameterNorm: sum(ofTensor: index) { workspace.stepSums[$0].parameters }.squareRoot(),
      updateNorm: sum(ofTensor: index) { workspace.stepSums[$0].steps }.squareRoot(),
      count: Int(tensors[index].count))
    update(index, single, stepScale: 1)
  }

  private func coefficients(_ index: Int) -> UnsafeMutablePointer<Adafactor.Coefficients> {
    (workspace.coefficients + workspace.tensors[index].model * Int(SO_COEFFICIENT_BYTES))
      .assumingMemoryBound(to: Adafactor.Coefficients.self)
  }

  private func factoredMoments(_ index: Int) -> FactoredMoments? {
    let tensor = tensors[index]
    guard let rowMoments = tensor.slot(0).data, let columnMoments = tensor.slot(1).data
    else { return nil }
    return FactoredMoments(
      dtype: tensor.computationDtype, count: Int(tensor.count), rows: Int(tensor.rows),
      columns: Int(tensor.columns), rowMoments: rowMoments, columnMoments: columnMoments,
      workspace: workspace.matrixScratch)
  }

  private func sumSquares(_ index: Int, _ moments: FactoredMoments) {
    let tasks = moments.taskCount
    let grain = moments.count < serialElements ? tasks : 1
    var job = (step: self, moments: moments, index: index)
    so_parallel_for(
      Int64(tasks), Int64(grain),
      { context, begin, end, scratch in
        let job = context.assumingMemoryBound(
          to: (step: Step, moments: FactoredMoments, index: Int).self
        ).pointee
        for task in Int(begin)..<Int(end) {
          job.step.sumSquares(job.index, job.moments, task, scratch)
        }
      }, &job)
  }

  private func sumSquares(
    _ index: Int, _ moments: FactoredMoments, _ task: Int, _ scratch: UnsafeMutableRawPointer
  ) {
    let elements = moments.elements(ofTask: task)
    let run = Tile(
      index: workspace.firstTile[index], tensor: index, begin: elements.lowerBound,
      count: elements.count)
    withPipelineInput(tensors + index, run, isTrial: true, scratch) { input in
      withUnsafePointer(to: moments.begin(task: task)) {
        input.factors = $0
        kernels.factor_sums!(&input)
      }
    }
  }
}
