import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// What changes between steps and comes from the caller: gradients, and the slots that
/// the groups' hyper-parameters ask for.
extension Step {
  func gradientsProblem() -> Problem? {
    // Neighbours are mostly of the same group and shape.
    var knownGroup: Int32 = -1
    var knownIsMatrix = false
    var neededSlots: UInt32 = 0
    for index in 0..<tensorCount {
      let tensor = tensors + index
      guard tensor.pointee.group >= 0, tensor.pointee.group < plan.group_count else {
        return .tensor(index, "group is not the index of a group")
      }
      if let problem = layoutProblem(index) { return problem }
      guard tensor.pointee.gradient != nil else { continue }
      guard tensor.pointee.scalars != nil else { return .tensor(index, "scalars is NULL") }
      guard tensor.pointee.count > 0 else { continue }
      guard tensor.pointee.parameter != nil else { return .tensor(index, "parameter is NULL") }
      let work = workspace.tensors + index
      if tensor.pointee.group != knownGroup || tensor.pointee.isMatrix != knownIsMatrix {
        knownGroup = tensor.pointee.group
        knownIsMatrix = tensor.pointee.isMatrix
        neededSlots = description.neededSlots(
          plan.groups![Int(knownGroup)], isMatrix: knownIsMatrix)
      }
      let missing = neededSlots & ~work.pointee.presentSlots
      guard missing == 0 else {
        return .slot(
          index, description.slot(missing.trailingZeroBitCount).name,
          "is NULL, and a hyper-parameter that is not 0 needs it")
      }
      if work.pointee.usedSlots != neededSlots { work.pointee.usedSlots = neededSlots }
      if let problem = gradientProblem(index) { return problem }
    }
    return anyGroup { $0.zero_gradient != 0 } ? sharedGradientsProblem() : nil
  }

  /// Checks that a tensor is still what the workspace was laid out for.
  func layoutProblem(_ index: Int) -> Problem? {
    guard TensorLayout(tensors[index]) == workspace.tensors[index].layout else {
      return .tensor(index, "its shape or a dtype is not that of so_plan_prepare")
    }
    return nil
  }

  /// Checks one tensor's gradient, if it isn't the one that was checked last.
  func gradientProblem(_ index: Int) -> Problem? {
    let tensor = tensors + index
    guard let gradient = tensor.pointee.gradient, tensor.pointee.count > 0 else { return nil }
    guard let size = elementSize(tensor.pointee.gradient_dtype) else {
      return .dtype(index, "gradient_dtype is unknown")
    }
    let bytes = Int(tensor.pointee.count) &* size
    let work = workspace.tensors + index
    if work.pointee.checkedGradient == gradient && work.pointee.checkedBytes >= bytes {
      return nil
    }
    let start = UInt(bitPattern: gradient)
    guard start & UInt(size &- 1) == 0 else {
      return .tensor(index, "gradient is not aligned to its element size")
    }
    // A tensor's own accumulator may be its gradient.
    if let range = workspace.range(overlapping: start, start &+ UInt(bytes)),
      !(range.array == .accumulator && Int(range.tensor) == index && range.start == start
        && start &+ UInt(bytes) <= range.end)
    {
      return .overlap(
        index, characters("gradient"), Int(range.tensor), range.array.name(description))
    }
    work.pointee.checkedGradient = gradient
    work.pointee.checkedBytes = bytes
    return nil
  }

  /// Gradients that a step clears must not share memory: one would be cleared before the
  /// other is read.
  func sharedGradientsProblem() -> Problem? {
    var count = 0
    for index in 0..<tensorCount {
      let tensor = tensors + index
      guard let gradient = tensor.pointee.gradient, tensor.pointee.count > 0,
        let size = elementSize(tensor.pointee.gradient_dtype)
      else { continue }
      let start = UInt(bitPattern: gradient)
      workspace.gradientRanges[count] = WrittenRange(
        start: start, end: start &+ UInt(Int(tensor.pointee.count) &* size),
        tensor: Int32(index), array: .parameter)
      count += 1
    }
    var ranges = UnsafeMutableBufferPointer(start: workspace.gradientRanges, count: count)
    ranges.sort { $0.start < $1.start }
    for index in 1..<max(1, count) where ranges[index].start < ranges[index - 1].end {
      return .overlap(
        Int(ranges[index].tensor), characters("gradient, which zero_gradient clears,"),
        Int(ranges[index - 1].tensor), characters("gradient"))
    }
    return nil
  }
}

extension DescriptionPointer {
  /// Bit i: a tensor of this group and shape can't do without slot i.
  fileprivate func neededSlots(_ group: so_group, isMatrix: Bool) -> UInt32 {
    var needed: UInt32 = 0
    for index in 0..<Int(pointee.slot_count) {
      let slot = slot(index)
      let required = slot.required_by
      if slot.owner == (isMatrix ? SO_SLOT_OF_OTHERS : SO_SLOT_OF_MATRICES) { continue }
      if required < 0 || group.hyperparameter(Int(required)) != 0 { needed |= 1 << UInt32(index) }
    }
    return needed
  }
}
