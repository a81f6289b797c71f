import CSwiftOpt
import TestSupport
import XCTest

/// What a test wants to be different about a tensor.
struct TensorShape {
  var count: Int
  var dtype = so_dtype(SO_FLOAT32)
  var gradientDtype = so_dtype(SO_FLOAT32)
  var group = 0

  /// A tensor whose parameter and gradient are both of `dtype`.
  init(_ count: Int, dtype: Int = SO_FLOAT32, group: Int = 0) {
    self.init(count, dtype: dtype, gradientDtype: dtype, group: group)
  }

  init(_ count: Int, dtype: Int, gradientDtype: Int, group: Int = 0) {
    (self.count, self.dtype, self.gradientDtype) = (count, so_dtype(dtype), so_dtype(gradientDtype))
    self.group = group
  }
}

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
  private var blocks: [MemoryBlock] = []
  private var written: [MemoryBlock] = []

  /// Guarded arrays crash a test that leaves them; a process can't have tens of thousands.
  init(
    _ settings: Settings, _ shapes: [TensorShape], groupCount: Int = 1, seed: Int = 5,
    isGuarded: Bool = true
  ) {
    self.settings = settings
    self.shapes = shapes
    self.isGuarded = isGuarded
    groups = .allocate(capacity: groupCount)
    tensors = .allocate(capacity: shapes.count)
    var group = so_group()
    group.lr = 0.01
    (group.clip_value, group.clip_tensor_norm) = (.infinity, .infinity)
    group.setHyperparameters(settings.values)
    groups.initialize(repeating: group)
    var random = SplitMix64(seed: seed)
    for (index, shape) in shapes.enumerated() {
      tensors.initializeElement(at: index, to: tensor(shape, &random))
    }
    plan.optimizer = settings.optimizer.id
    (plan.groups, plan.group_count) = (groups.baseAddress, Int32(groupCount))
    (plan.tensors, plan.tensor_count) = (tensors.baseAddress, Int64(shapes.count))
    plan.clip_norm = .infinity
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
    tensor.group = Int32(shape.group)
    (tensor.parameter_dtype, tensor.gradient_dtype) = (shape.dtype, shape.gradientDtype)
    let parameter: [Double] = random.numbers(shape.count, exponents: -8...2)
    tensor.parameter = array(parameter, shape.dtype, isWritten: true).raw
    let gradient: [Double] = random.numbers(shape.count, exponents: -8...4)
    tensor.gradient = UnsafeRawPointer(array(gradient, shape.gradientDtype).raw)
    for (index, initial) in settings.initialSlots.enumerated() {
      guard let initial else { continue }
      let values = [Double](repeating: initial, count: shape.count)
      tensor.setSlot(index, array(values, shape.dtype, isWritten: true).raw)
    }
    let scalars = settings.optimizer.scalars.map(\.initial_value)
    tensor.scalars = array(scalars, so_dtype(SO_FLOAT64), isWritten: true).raw
      .assumingMemoryBound(to: Double.self)
    return tensor
  }

  /// Memory that lives as long as the plan, right before a forbidden page.
  func block(byteCount: Int) -> MemoryBlock {
    let block = MemoryBlock(byteCount: byteCount, isGuarded: isGuarded)
    blocks.append(block)
    return block
  }

  private func array(
    _ values: [Double], _ dtype: so_dtype, isWritten: Bool = false
  ) -> MemoryBlock {
    let isFloat = dtype == so_dtype(SO_FLOAT32)
    let block = block(byteCount: values.count * (isFloat ? 4 : 8))
    if isWritten { written.append(block) }
    store(values, block.raw, dtype)
    return block
  }

  // MARK: - The contract's calls

  func prepare() -> so_status { so_plan_prepare(&plan) }

  func step() -> so_status { so_optimizer_step(&plan, &report) }

  /// Prepares and takes `count` steps, all of which must succeed.
  func run(steps count: Int = 1, file: StaticString = #filePath, line: UInt = #line) {
    XCTAssertEqual(prepare(), so_status(SO_OK), lastError, file: file, line: line)
    for _ in 0..<count {
      XCTAssertEqual(step(), so_status(SO_OK), lastError, file: file, line: line)
    }
  }

  // MARK: - The memory

  /// All bytes of all parameters, slots and scalars.
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

  func parameter(_ index: Int) -> [Double] {
    load(tensors[index].parameter, shapes[index].count, shapes[index].dtype)
  }

  func setParameter(_ index: Int, _ values: [Double]) {
    store(values, tensors[index].parameter!, shapes[index].dtype)
  }

  func gradient(_ index: Int) -> [Double] {
    load(tensors[index].gradient, shapes[index].count, shapes[index].gradientDtype)
  }

  func setGradient(_ index: Int, _ values: [Double]) {
    store(
      values, UnsafeMutableRawPointer(mutating: tensors[index].gradient!),
      shapes[index].gradientDtype)
  }

  func scalars(_ index: Int) -> [Double] {
    load(tensors[index].scalars, settings.optimizer.scalars.count, so_dtype(SO_FLOAT64))
  }
}

/// Some memory, aligned to 16 bytes at its start if its size is a multiple of that.
final class MemoryBlock {
  let raw: UnsafeMutableRawPointer
  let byteCount: Int
  private let guarded: GuardedBuffer<UInt8>?

  init(byteCount: Int, isGuarded: Bool) {
    self.byteCount = byteCount
    guarded = isGuarded ? GuardedBuffer(repeating: 0, count: byteCount, .end) : nil
    raw = guarded?.raw ?? .allocate(byteCount: byteCount, alignment: 16)
    if !isGuarded { raw.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount) }
  }

  deinit { if guarded == nil { raw.deallocate() } }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: raw, count: byteCount) }
}

var lastError: String { String(cString: so_last_error()) }

private func load(_ base: UnsafeRawPointer?, _ count: Int, _ dtype: so_dtype) -> [Double] {
  (0..<count).map { index in
    dtype == so_dtype(SO_FLOAT32)
      ? Double(base!.load(fromByteOffset: index * 4, as: Float.self))
      : base!.load(fromByteOffset: index * 8, as: Double.self)
  }
}

private func store(_ values: [Double], _ base: UnsafeMutableRawPointer, _ dtype: so_dtype) {
  for (index, value) in values.enumerated() {
    if dtype == so_dtype(SO_FLOAT32) {
      base.storeBytes(of: Float(value), toByteOffset: index * 4, as: Float.self)
    } else {
      base.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
    }
  }
}

extension so_group {
  mutating func setHyperparameters(_ values: [Double]) {
    for (index, value) in values.enumerated() { setHyperparameter(index, value) }
  }

  mutating func setHyperparameter(_ index: Int, _ value: Double) {
    withUnsafeMutableBytes(of: &hyperparameters) {
      $0.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
    }
  }
}

extension so_tensor {
  mutating func setSlot(_ index: Int, _ pointer: UnsafeMutableRawPointer?) {
    withUnsafeMutableBytes(of: &slots) {
      $0.storeBytes(of: pointer, toByteOffset: index * 8, as: UnsafeMutableRawPointer?.self)
    }
  }

  func slot(_ index: Int) -> UnsafeMutableRawPointer? {
    withUnsafeBytes(of: slots) {
      $0.load(fromByteOffset: index * 8, as: UnsafeMutableRawPointer?.self)
    }
  }
}
