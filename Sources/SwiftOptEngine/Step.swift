import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// One step over all tensors of a prepared plan.
///
/// Everything is checked before anything is written. Then pass 1, if something needs
/// the gradients' norm or their finiteness; the numbers of each tensor's step; a trial,
/// where a step's size or signs decide about it; pass 2, which updates tile by tile; last
/// the tensors whose rule needs more than that, one after the other.
struct Step {
  let plan: so_plan
  let tensors: UnsafeMutablePointer<so_tensor>
  let workspace: Workspace
  let kernels: so_kernels
  let products: so_matrix_functions
  let description: DescriptionPointer
  /// Bit i: slot i has an element for each of the parameter's, as the pipeline expects.
  let fullSlots: UInt32
  /// Whether the tensors' gradient scales are those of this step.
  var limitsNorms = false
  /// Whether their penalty and step scales are.
  var scalesSteps = false
  /// For the passes over a tensor by itself, in place of those over all.
  var single: SingleTensor?

  var tensorCount: Int { workspace.header.pointee.sizes.tensors }
  var kind: Int { Int(description.pointee.kind) }

  func group(_ index: Int) -> UnsafePointer<so_group> {
    UnsafePointer(plan.groups! + Int(tensors[index].group))
  }

  func anyGroup(_ condition: (so_group) -> Bool) -> Bool {
    (0..<Int(plan.group_count)).contains { condition(plan.groups![$0]) }
  }

  func has(_ flag: Int) -> Bool { plan.flags & UInt32(flag) != 0 }

  /// Whether a tensor takes part in the passes over all; the others have their own.
  func isElementwise(_ index: Int) -> Bool {
    single != nil || (kind != SO_FACTORED && (kind != SO_MATRIX || !tensors[index].isMatrix))
  }
}

extension so_plan {
  /// Runs one step. On a problem nothing was written but `report`.
  public func step(_ report: inout so_report) -> Problem? {
    report = so_report(
      outcome: Int32(SO_UPDATED), norm_computed: 0, grad_norm: 0, clip_coefficient: 1,
      first_bad: -1, update_norm: 0)
    return withStep { step in
      if let problem = step.gradientsProblem() { return problem }
      step.run(&report)
      return nil
    }
  }

  /// Calls `body` with a step over a prepared plan; not at all if there are no tensors.
  func withStep(_ body: (inout Step) -> Problem?) -> Problem? {
    guard let level = Level.current else { return .level }
    guard let base = workspace, UInt(bitPattern: base) & 15 == 0,
      workspace_size >= MemoryLayout<Workspace.Header>.size
    else { return .plan("plan: call so_plan_prepare first") }
    let header = base.assumingMemoryBound(to: Workspace.Header.self)
    guard header.pointee.magic == Workspace.magic,
      Int64(header.pointee.sizes.tensors) == tensor_count,
      header.pointee.groupCount == group_count, header.pointee.optimizer == optimizer,
      let workspace = Workspace(at: base, header.pointee.sizes), workspace.size <= workspace_size
    else { return .plan("plan: call so_plan_prepare first") }
    if let problem = shapeProblem() ?? groupsProblem(workspace.description) {
      return problem
    }
    guard let tensors else { return nil }
    var step = Step(
      plan: self, tensors: tensors, workspace: workspace, kernels: Level.kernels(level),
      products: Level.matrixFunctions(level), description: workspace.description,
      fullSlots: workspace.description.fullSlots)
    return body(&step)
  }
}

extension Step {
  fileprivate mutating func run(_ report: inout so_report) {
    let clipsTensors = anyGroup { $0.clip_tensor_norm < .infinity }
    let clipsUnits = anyGroup { $0.clip_unit_ratio < .infinity }
    let clips = plan.clip_norm < .infinity || clipsTensors || clipsUnits
    let mustBeFinite = clips || has(SO_SKIP_NONFINITE)
    limitsNorms = clips || kind == SO_TRUST_GRADIENT
    if limitsNorms || mustBeFinite || has(SO_REPORT_NORM) {
      share(.measure)
      sumSquares(&report)
      forgetReceived()
      if mustBeFinite && report.first_bad >= 0 {
        report.outcome = Int32(SO_SKIPPED)
        // What the gradients' owner adds to next time must not be what was skipped.
        if anyGroup({ $0.zero_gradient != 0 }) { share(.clear) }
        return
      }
      if clipsUnits { measureUnits() }
      if limitsNorms { limitNorms(&report, clipsUnits: clipsUnits, clipsTensors: clipsTensors) }
    } else {
      forgetReceived()
    }
    beginTensors()
    let cautious = anyGroup { $0.cautious != 0 }
    scalesSteps = cautious || kind == SO_TRUST_STEP || kind == SO_TRUST_GRADIENT
    if scalesSteps { scaleSteps(hasTrial: cautious || kind == SO_TRUST_STEP) }
    share(.update)
    if kind == SO_FACTORED || kind == SO_MATRIX { updateByThemselves() }
    if has(SO_REPORT_UPDATE_NORM) { report.update_norm = updateNorm() }
  }

  /// In the order of the tiles, on one thread: the same bits whoever computed them.
  private func updateNorm() -> Double {
    var total = 0.0
    for index in 0..<tensorCount where tensors[index].gradient != nil {
      total += sum(ofTensor: index) { workspace.stepSums[$0].steps }
    }
    return total.squareRoot()
  }

  /// The sum over a tensor's tiles.
  func sum(ofTensor index: Int, _ value: (Int) -> Double) -> Double {
    var sum = 0.0
    for tile in workspace.firstTile[index]..<workspace.firstTile[index + 1] {
      sum += value(tile)
    }
    return sum
  }
}
