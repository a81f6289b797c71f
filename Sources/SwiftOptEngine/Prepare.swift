import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

extension so_plan {
  /// Bytes of workspace for this plan, looking at the tensors' counts and shapes, and at
  /// whether their parameters are float64.
  public func workspaceSize(_ out: inout Int) -> Problem? {
    if let problem = shapeProblem() { return problem }
    for index in 0..<Int(tensor_count) {
      if let problem = tensors![index].countProblem(index) { return problem }
    }
    guard let size = workspace(at: UnsafeMutableRawPointer(bitPattern: 16)!)?.size else {
      return .plan("plan: too many elements")
    }
    out = size
    return nil
  }

  /// Checks what stays the same over the steps and fills the workspace.
  public func prepare() -> Problem? {
    guard var description = describeOptimizer(optimizer) else { return .noOptimizer(optimizer) }
    return prepare(&description)
  }

  private func prepare(_ description: DescriptionPointer) -> Problem? {
    guard let base = workspace else { return .plan("plan: workspace is NULL") }
    guard UInt(bitPattern: base) & 15 == 0 else {
      return .plan("plan: workspace is not aligned to 16 bytes")
    }
    guard workspace_size >= MemoryLayout<Workspace.Header>.size else {
      return .plan("plan: workspace_size is less than so_plan_workspace_size gives")
    }
    // Until everything is right, no step may use what an earlier call left here.
    base.assumingMemoryBound(to: Workspace.Header.self).pointee.magic = 0
    if let problem = shapeProblem() ?? groupsProblem(description) { return problem }
    for index in 0..<Int(tensor_count) {
      if let problem = tensors![index].problem(index, description, groupCount: group_count) {
        return problem
      }
    }
    guard let workspace = workspace(at: base), workspace.size <= workspace_size else {
      return .plan("plan: workspace_size is less than so_plan_workspace_size gives")
    }
    fill(workspace, description)
    if let problem = overlapProblem(workspace, description) { return problem }
    workspace.header.pointee.magic = Workspace.magic
    return nil
  }

  public func groupsProblem() -> Problem? {
    guard var description = describeOptimizer(optimizer) else { return .noOptimizer(optimizer) }
    return shapeProblem() ?? groupsProblem(&description)
  }

  func groupsProblem(_ description: DescriptionPointer) -> Problem? {
    guard clip_norm > 0 else { return .field("clip_norm", clip_norm, "> 0") }
    guard gradient_scale > 0, gradient_scale < .infinity else {
      return .field("gradient_scale", gradient_scale, "finite and > 0")
    }
    guard let groups else { return nil }
    for index in 0..<Int(group_count) {
      if let problem = groups[index].problem(index, description) { return problem }
    }
    return nil
  }

  /// Counts and pointers that everything else relies on.
  func shapeProblem() -> Problem? {
    guard tensor_count >= 0, tensor_count < Int64(Int32.max) else {
      return .field("tensor_count", Double(tensor_count), ">= 0 and < 2^31 - 1")
    }
    guard group_count >= 0 else {
      return .field("group_count", Double(group_count), ">= 0")
    }
    guard tensors != nil || tensor_count == 0 else { return .plan("plan: tensors is NULL") }
    guard groups != nil || group_count == 0 else { return .plan("plan: groups is NULL") }
    let known = SO_SKIP_NONFINITE | SO_REPORT_NORM | SO_REPORT_UPDATE_NORM
    guard flags & ~UInt32(known) == 0 else {
      return .field(
        "flags", Double(flags),
        "a sum of SO_SKIP_NONFINITE, SO_REPORT_NORM and SO_REPORT_UPDATE_NORM")
    }
    guard reserved == 0 else { return .field("reserved", Double(reserved), "0") }
    return nil
  }

  /// The workspace's parts for counts without a problem, or nil if their size overflows.
  private func workspace(at base: UnsafeMutableRawPointer) -> Workspace? {
    var sizes = Workspace.Sizes()
    sizes.tensors = Int(tensor_count)
    let kind = Int(describeOptimizer(optimizer)?.kind ?? 0)
    for index in 0..<Int(tensor_count) {
      sizes.tiles &+= Workspace.tiles(tensors![index].count)
      sizes.units &+= Int(tensors![index].units)
      sizes.matrixBytes = max(sizes.matrixBytes, tensors![index].matrixBytes(kind))
      guard sizes.tiles < Int.max / 1024, sizes.units < Int.max / 1024 else { return nil }
    }
    return Workspace(at: base, sizes)
  }

  private func fill(_ workspace: Workspace, _ description: DescriptionPointer) {
    var sizes = Workspace.Sizes()
    sizes.tensors = Int(tensor_count)
    var rangeCount = 0
    var elementCount = 0
    for index in 0..<Int(tensor_count) {
      let tensor = tensors![index]
      var work = TensorWork(layout: TensorLayout(tensor))
      work.firstUnit = sizes.units
      work.isNative =
        tensor.parameter_dtype == tensor.computationDtype || tensor.master != nil
      for slot in 0..<Int(SO_MAX_SLOTS) {
        let array = tensor.slot(slot)
        guard array.data != nil || tensor.count == 0 else { continue }
        work.presentSlots |= 1 << UInt32(slot)
        if array.dtype != tensor.computationDtype { work.isNative = false }
      }
      tensor.writtenArrays(description) { array, start, bytes in
        let address = UInt(bitPattern: start)
        workspace.ranges[rangeCount] = WrittenRange(
          start: address, end: address &+ UInt(bytes), tensor: Int32(index), array: array)
        rangeCount += 1
      }
      workspace.tensors[index] = work
      workspace.firstTile[index] = sizes.tiles
      sizes.tiles += Workspace.tiles(tensor.count)
      sizes.units += Int(tensor.units)
      sizes.matrixBytes = max(sizes.matrixBytes, tensor.matrixBytes(Int(description.pointee.kind)))
      elementCount &+= Int(tensor.count)
    }
    workspace.firstTile[Int(tensor_count)] = sizes.tiles
    workspace.header.pointee = Workspace.Header(
      magic: 0, sizes: sizes, rangeCount: rangeCount, elementCount: elementCount,
      receivedCount: 0, groupCount: group_count, optimizer: optimizer)
    workspace.description.pointee = description.pointee
  }

  /// Sorted by address, two ranges overlap iff some neighbours do.
  private func overlapProblem(_ workspace: Workspace, _ description: DescriptionPointer) -> Problem?
  {
    let count = workspace.header.pointee.rangeCount
    var ranges = UnsafeMutableBufferPointer(start: workspace.ranges, count: count)
    ranges.sort { $0.start < $1.start }
    for index in 1..<max(1, count) where ranges[index].start < ranges[index - 1].end {
      let (first, second) = (ranges[index - 1], ranges[index])
      return .overlap(
        Int(second.tensor), second.array.name(description),
        Int(first.tensor), first.array.name(description))
    }
    return nil
  }
}
