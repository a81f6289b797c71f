import CSwiftOpt
import TestSupport
import XCTest

/// A plan with all the memory that it needs: parameters and gradients of random numbers,
/// state as the description starts it.
final class TestPlan {
  let settings: Settings
  let shapes: [TensorShape]
  /// To be changed at will; the memory that it points to at first stays.
  var plan = so_plan()
  var report = so_report()
  let groups: UnsafeMutableBufferPointer<so_group>
  let tensors: UnsafeMutableBufferPointer<so_tensor>

  private let isGuarded: Bool
  private let isShifted: Bool
  private var shifts = SplitMix64(seed: 11)
  private var blocks: [MemoryBlock] = []
  private var written: [MemoryBlock] = []

  /// Guarded arrays crash a test that leaves them; a process can't have tens of thousands.
  /// Shifted ones begin anywhere that their element size allows.
  init(
    _ settings: Settings, _ shapes: [TensorShape], groupCount: Int = 1, seed: Int = 5,
    isGuarded: Bool = true, isShifted: Bool = false
  ) {
    self.settings = settings
    self.shapes = shapes
    self.isGuarded = isGuarded
    self.isShifted = isShifted
    groups = .allocate(capacity: groupCount)
    tensors = .allocate(capacity: shapes.count)
    groups.initialize(
      repeating: so_group(settings.values, decay: settings.optimizer.description.decay))
    var random = SplitMix64(seed: seed)
    for (index, shape) in shapes.enumerated() {
      var tensor = tensor(shape, &random)
      tensor.key = random.next()
      tensors.initializeElement(at: index, to: tensor)
    }
    plan.optimizer = settings.optimizer.id
    (plan.groups, plan.group_count) = (groups.baseAddress, Int32(groupCount))
    (plan.tensors, plan.tensor_count) = (tensors.baseAddress, Int64(shapes.count))
    (plan.clip_norm, plan.gradient_scale) = (.infinity, 1)
    var size: Int64 = 0
    XCTAssertEqual(so_plan_workspace_size(&plan, &size), so_status(SO_OK), lastError)
    (plan.workspace, plan.workspace_size) = (block(byteCount: Int(size)).raw, size)
  }

  deinit {
    groups.deallocate()
    tensors.deallocate()
  }

  private func tensor(_ shape: TensorShape, _ random: inout SplitMix64) -> so_tensor {
    var tensor = so_tensor()
    tensor.count = Int64(shape.count)
    (tensor.rows, tensor.columns) = (Int64(shape.rows), Int64(shape.columns))
    (tensor.units, tensor.group) = (Int64(shape.units), Int32(shape.group))
    (tensor.parameter_dtype, tensor.gradient_dtype) = (shape.dtype, shape.gradientDtype)
    tensor.rounding = Int32(shape.rounding)
    let values: [Double] = random.numbers(shape.count, exponents: -8...2)
    let parameter = array(values, shape.dtype, isWritten: true)
    tensor.parameter = parameter.raw
    let gradient: [Double] = random.numbers(shape.count, exponents: -8...4)
    tensor.gradient = UnsafeRawPointer(array(gradient, shape.gradientDtype).raw)
    for (index, initial) in settings.initialSlots.enumerated() {
      let slot = settings.optimizer.slots[index]
      guard let initial, let count = shape.count(of: slot) else { continue }
      let values =
        slot.starts_as_parameter != 0
        ? StoredNumbers.read(parameter.raw, count, shape.dtype)
        : Array(repeating: initial, count: count)
      tensor.setSlotArray(index, self.slot(values, shape.slotDtype(index)))
    }
    let scalars = settings.optimizer.scalars.map(\.initial_value)
    tensor.scalars = array(scalars, so_dtype(SO_FLOAT64), isWritten: true).doubles
    let start = StoredNumbers.read(parameter.raw, shape.count, shape.dtype)
    if shape.hasMaster {
      tensor.master = array(start, so_dtype(SO_FLOAT32), isWritten: true).raw
        .assumingMemoryBound(to: Float.self)
    }
    let zeros = start.map { _ in 0.0 }
    if shape.hasCompensation {
      tensor.compensation = array(zeros, shape.dtype, isWritten: true).raw
    }
    if shape.hasAverage { tensor.average = array(start, shape.computation, isWritten: true).raw }
    if shape.hasAccumulator {
      tensor.accumulator = array(zeros, shape.computation, isWritten: true).raw
    }
    if let dtype = shape.copyDtype {
      tensor.copy_dtype = so_dtype(dtype)
      tensor.copy = array(zeros, so_dtype(dtype), isWritten: true).raw
    }
    return tensor
  }

  private func slot(_ values: [Double], _ dtype: so_dtype) -> so_array {
    var slot = so_array()
    slot.dtype = dtype
    guard dtype == so_dtype(SO_BLOCK8) || dtype == so_dtype(SO_BLOCK8_UNSIGNED) else {
      slot.data = array(values, dtype, isWritten: true).raw
      return slot
    }
    precondition(values.allSatisfy { $0 == 0 }, "blocks of zeros only")
    slot.data = block(byteCount: values.count, isWritten: true).raw
    let blocks = (values.count + Int(SO_BLOCK_ELEMENTS) - 1) / Int(SO_BLOCK_ELEMENTS)
    slot.scales = block(byteCount: 4 * blocks, isWritten: true).raw
      .assumingMemoryBound(to: Float.self)
    return slot
  }

  /// Memory that lives as long as the plan.
  func block(byteCount: Int, slack: Int = 0, isWritten: Bool = false) -> MemoryBlock {
    let block = MemoryBlock(byteCount: byteCount, slack: slack, isGuarded: isGuarded)
    blocks.append(block)
    if isWritten { written.append(block) }
    return block
  }

  private func array(_ values: [Double], _ dtype: so_dtype, isWritten: Bool = false) -> MemoryBlock
  {
    let size = StoredNumbers.size(dtype)
    let block = block(
      byteCount: values.count * size, slack: isShifted ? shifts.below(32) * size : 0,
      isWritten: isWritten)
    StoredNumbers.write(values, block.raw, dtype)
    return block
  }

  // MARK: - The contract's calls

  func prepare() -> so_status { so_plan_prepare(&plan) }

  func step() -> so_status { so_optimizer_step(&plan, &report) }

  func receive(_ tensor: Int) -> so_status { so_plan_receive(&plan, Int64(tensor)) }

  func accumulate(weight: Double) -> so_status { so_plan_accumulate(&plan, weight) }

  /// Prepares and takes `count` steps, all of which must succeed.
  func run(steps count: Int = 1, file: StaticString = #filePath, line: UInt = #line) {
    XCTAssertEqual(prepare(), so_status(SO_OK), lastError, file: file, line: line)
    for _ in 0..<count {
      XCTAssertEqual(step(), so_status(SO_OK), lastError, file: file, line: line)
    }
  }

  // MARK: - The memory

  /// All bytes of all parameters, slots, scalars and what else a tensor has.
  var writtenBytes: [UInt8] {
    var bytes: [UInt8] = []
    for block in written { bytes.append(contentsOf: block.bytes) }
    return bytes
  }

  /// Puts back what `writtenBytes` of a plan like this one gave.
  func restore(_ bytes: [UInt8]) {
    var rest = bytes[...]
    for block in written {
      block.raw.copyMemory(from: Array(rest.prefix(block.byteCount)), byteCount: block.byteCount)
      rest = rest.dropFirst(block.byteCount)
    }
  }
}

var lastError: String { String(cString: so_last_error()) }

extension MemoryBlock {
  fileprivate var doubles: UnsafeMutablePointer<Double> {
    raw.assumingMemoryBound(to: Double.self)
  }
}
