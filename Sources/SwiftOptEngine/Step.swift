import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// One step over all tensors of a prepared plan.
///
/// Everything is checked before anything is written. Then pass 1, if something needs
/// the gradients' norm or their finiteness; the numbers of each tensor's step; pass 2,
/// which updates tile by tile.
struct Step {
  let plan: so_plan
  let tensors: UnsafeMutablePointer<so_tensor>
  let workspace: Workspace
  let kernels: so_kernels
  let isDecoupled: Bool
  /// Whether the tensors' gradient scales are those of this step.
  var limitsNorms = false

  var tensorCount: Int { workspace.header.pointee.tensorCount }

  var limitsTensorNorms: Bool {
    (0..<Int(plan.group_count)).contains { plan.groups![$0].clip_tensor_norm < .infinity }
  }
}

extension so_plan {
  /// Runs one step. On a problem nothing was written but `report`.
  public func step(_ report: inout so_report) -> Problem? {
    guard let level = Level.current else { return .level }
    guard let base = workspace, UInt(bitPattern: base) & 15 == 0,
      workspace_size >= MemoryLayout<Workspace.Header>.size
    else { return .plan("plan: call so_plan_prepare first") }
    let header = base.assumingMemoryBound(to: Workspace.Header.self)
    guard header.pointee.magic == Workspace.magic, header.pointee.tensorCount == tensor_count,
      header.pointee.groupCount == group_count, header.pointee.optimizer == optimizer,
      let workspace = Workspace(
        at: base, tensorCount: header.pointee.tensorCount, tileCount: header.pointee.tileCount),
      workspace.size <= workspace_size
    else { return .plan("plan: call so_plan_prepare first") }
    if let problem = shapeProblem() ?? groupsProblem(header.pointee.description) {
      return problem
    }

    report = so_report(
      outcome: Int32(SO_UPDATED), norm_computed: 0, grad_norm: 0, clip_coefficient: 1,
      first_bad: -1)
    guard let tensors else { return nil }
    var step = Step(
      plan: self, tensors: tensors, workspace: workspace, kernels: Level.kernels(level),
      isDecoupled: header.pointee.description.decay == Int32(SO_DECAY_DECOUPLED))
    if let problem = step.gradientProblem(header.pointee.description) { return problem }
    step.run(&report, header.pointee.description)
    return nil
  }
}

extension Step {
  fileprivate mutating func run(_ report: inout so_report, _ description: so_description) {
    let limitsTensorNorms = limitsTensorNorms
    limitsNorms = plan.clip_norm < .infinity || limitsTensorNorms
    let mustBeFinite = limitsNorms || plan.flags & UInt32(SO_SKIP_NONFINITE) != 0
    if mustBeFinite || plan.flags & UInt32(SO_REPORT_NORM) != 0 {
      share(.measure)
      sumSquares(&report)
      if mustBeFinite && report.first_bad >= 0 {
        report.outcome = Int32(SO_SKIPPED)
        return
      }
      if limitsNorms { limitNorms(&report, limitsTensorNorms: limitsTensorNorms) }
    }
    beginTensors(description)
    share(.update)
  }

  /// What changes between steps and comes from the caller: gradients and the slots
  /// that the groups' hyper-parameters ask for.
  fileprivate func gradientProblem(_ description: so_description) -> Problem? {
    // Neighbours are mostly of the same group.
    var knownGroup: Int32 = -1
    var neededSlots: UInt32 = 0
    for index in 0..<tensorCount {
      let tensor = tensors + index
      guard tensor.pointee.group >= 0, tensor.pointee.group < plan.group_count else {
        return .tensor(index, "group is not the index of a group")
      }
      let tiles = workspace.firstTile[index + 1] &- workspace.firstTile[index]
      guard tensor.pointee.count >= 0, Workspace.tiles(tensor.pointee.count) == tiles else {
        return .tensor(index, "count is not that of so_plan_prepare")
      }
      guard let gradient = tensor.pointee.gradient, tensor.pointee.count > 0 else { continue }
      let dtype = tensor.pointee.gradient_dtype
      guard dtype == Int32(SO_FLOAT32) || dtype == Int32(SO_FLOAT64) else {
        return .dtype(index, "gradient_dtype is unknown")
      }
      let work = workspace.tensors + index
      if tensor.pointee.group != knownGroup {
        knownGroup = tensor.pointee.group
        neededSlots = description.neededSlots(plan.groups![Int(knownGroup)])
      }
      guard neededSlots & ~work.pointee.presentSlots == 0 else {
        return .tensor(index, "a hyper-parameter that is not 0 needs a slot that is NULL")
      }
      if work.pointee.usedSlots != neededSlots { work.pointee.usedSlots = neededSlots }
      let size = dtype == Int32(SO_FLOAT32) ? 4 : 8
      let bytes = Int(tensor.pointee.count) &* size
      if work.pointee.checkedGradient == gradient && work.pointee.checkedBytes >= bytes {
        continue
      }
      let start = UInt(bitPattern: gradient)
      guard start & UInt(size &- 1) == 0 else {
        return .tensor(index, "gradient is not aligned to its element size")
      }
      if let range = workspace.range(overlapping: start, start &+ UInt(bytes)) {
        return .overlap(
          index, characters("gradient"), range.tensor, description.arrayName(range.array))
      }
      work.pointee.checkedGradient = gradient
      work.pointee.checkedBytes = bytes
    }
    return nil
  }
}

extension so_description {
  /// Bit i: a tensor of this group can't do without slot i.
  fileprivate func neededSlots(_ group: so_group) -> UInt32 {
    var needed: UInt32 = 0
    for index in 0..<Int(slot_count) {
      let required = slot(index).required_by
      if required < 0 || group.hyperparameter(Int(required)) != 0 { needed |= 1 << UInt32(index) }
    }
    return needed
  }
}
