import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

extension so_plan {
  /// Bytes of workspace for this plan, looking at the tensors' counts only.
  public func workspaceSize(_ out: inout Int) -> Problem? {
    if let problem = shapeProblem() { return problem }
    for index in 0..<Int(tensor_count) {
      if let problem = countProblem(index) { return problem }
    }
    guard let size = workspace(at: UnsafeMutableRawPointer(bitPattern: 16)!)?.size else {
      return .plan("plan: too many elements")
    }
    out = size
    return nil
  }

  /// Checks what stays the same over the steps and fills the workspace.
  public func prepare() -> Problem? {
    guard let description = describeOptimizer(optimizer) else { return .noOptimizer(optimizer) }
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
      if let problem = tensorProblem(index, description) { return problem }
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
    guard let description = describeOptimizer(optimizer) else { return .noOptimizer(optimizer) }
    return shapeProblem() ?? groupsProblem(description)
  }

  func groupsProblem(_ description: so_description) -> Problem? {
    guard clip_norm > 0 else { return .field("clip_norm", clip_norm, "> 0") }
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
    guard flags & ~UInt32(SO_SKIP_NONFINITE | SO_REPORT_NORM) == 0 else {
      return .field("flags", Double(flags), "SO_SKIP_NONFINITE, SO_REPORT_NORM, both or 0")
    }
    guard reserved == 0 else { return .field("reserved", Double(reserved), "0") }
    return nil
  }

  private func countProblem(_ index: Int) -> Problem? {
    let count = tensors![index].count
    guard count >= 0, count <= Int64.max / 64 else {
      return .tensor(index, "count is negative or too large")
    }
    return nil
  }

  private func tensorProblem(_ index: Int, _ description: so_description) -> Problem? {
    let tensor = tensors![index]
    let width: UInt
    switch tensor.parameter_dtype {
    case Int32(SO_FLOAT32): width = 4
    case Int32(SO_FLOAT64): width = 8
    default: return .dtype(index, "parameter_dtype is unknown")
    }
    if let problem = countProblem(index) { return problem }
    guard tensor.group >= 0, tensor.group < group_count else {
      return .tensor(index, "group is not the index of a group")
    }
    guard tensor.reserved == 0 else { return .tensor(index, "reserved is not 0") }
    guard let scalars = tensor.scalars else { return .tensor(index, "scalars is NULL") }
    guard UInt(bitPattern: scalars) & 7 == 0 else {
      return .tensor(index, "scalars is not aligned to 8 bytes")
    }
    guard tensor.parameter != nil || tensor.count == 0 else {
      return .tensor(index, "parameter is NULL")
    }
    guard UInt(bitPattern: tensor.parameter) & (width - 1) == 0 else {
      return .tensor(index, "parameter is not aligned to its element size")
    }
    for slot in 0..<Int(SO_MAX_SLOTS) {
      let pointer = tensor.slot(slot)
      guard UInt(bitPattern: pointer) & (width - 1) == 0 else {
        return .tensor(index, "a slot is not aligned to its element size")
      }
      let isKnown = slot < description.slot_count
      guard isKnown || pointer == nil else {
        return .tensor(index, "more slots than the optimizer has")
      }
      if isKnown, description.slot(slot).required_by < 0, pointer == nil, tensor.count > 0 {
        return .tensor(index, "a slot that the optimizer needs is NULL")
      }
    }
    return nil
  }

  /// The workspace's parts for counts without a problem, or nil if their size overflows.
  private func workspace(at base: UnsafeMutableRawPointer) -> Workspace? {
    var tileCount = 0
    for index in 0..<Int(tensor_count) {
      tileCount &+= Workspace.tiles(tensors![index].count)
      guard tileCount < Int.max / 1024 else { return nil }
    }
    return Workspace(at: base, tensorCount: Int(tensor_count), tileCount: tileCount)
  }

  private func fill(_ workspace: Workspace, _ description: so_description) {
    var tile = 0
    var rangeCount = 0
    var elementCount = 0
    func write(_ start: UnsafeRawPointer?, _ bytes: Int, _ tensor: Int, _ array: Int) {
      guard let start, bytes > 0 else { return }
      let address = UInt(bitPattern: start)
      workspace.ranges[rangeCount] = WrittenRange(
        start: address, end: address &+ UInt(bytes), tensor: tensor, array: array)
      rangeCount += 1
    }
    for index in 0..<Int(tensor_count) {
      let tensor = tensors![index]
      let count = Int(tensor.count)
      let bytes = count * tensor.elementSize
      var work = TensorWork()
      write(tensor.parameter, bytes, index, 0)
      for slot in 0..<Int(SO_MAX_SLOTS) {
        guard let pointer = tensor.slot(slot) else { continue }
        work.presentSlots |= 1 << UInt32(slot)
        write(pointer, bytes, index, 1 + slot)
      }
      write(tensor.scalars, Int(description.scalar_count) * 8, index, 1 + Int(SO_MAX_SLOTS))
      workspace.tensors[index] = work
      workspace.firstTile[index] = tile
      tile += Workspace.tiles(tensor.count)
      elementCount &+= count
    }
    workspace.firstTile[Int(tensor_count)] = tile
    workspace.header.pointee = Workspace.Header(
      magic: 0, tensorCount: Int(tensor_count), tileCount: tile,
      rangeCount: rangeCount, elementCount: elementCount,
      groupCount: group_count, optimizer: optimizer, description: description)
  }

  /// Sorted by address, two ranges overlap iff some neighbours do.
  private func overlapProblem(_ workspace: Workspace, _ description: so_description) -> Problem? {
    let count = workspace.header.pointee.rangeCount
    var ranges = UnsafeMutableBufferPointer(start: workspace.ranges, count: count)
    ranges.sort { $0.start < $1.start }
    for index in 1..<max(1, count) where ranges[index].start < ranges[index - 1].end {
      let (first, second) = (ranges[index - 1], ranges[index])
      return .overlap(
        second.tensor, description.arrayName(second.array),
        first.tensor, description.arrayName(first.array))
    }
    return nil
  }
}

extension so_tensor {
  func slot(_ index: Int) -> UnsafeMutableRawPointer? {
    withUnsafeBytes(of: slots) {
      $0.load(
        fromByteOffset: index * MemoryLayout<UnsafeMutableRawPointer?>.stride,
        as: UnsafeMutableRawPointer?.self)
    }
  }

  var elementSize: Int { parameter_dtype == Int32(SO_FLOAT32) ? 4 : 8 }
}

extension so_description {
  /// What a `WrittenRange.array` is called.
  func arrayName(_ array: Int) -> UnsafePointer<CChar> {
    switch array {
    case 0: return characters("parameter")
    case 1...Int(SO_MAX_SLOTS): return slot(array - 1).name ?? characters("slot")
    default: return characters("scalars")
    }
  }
}
