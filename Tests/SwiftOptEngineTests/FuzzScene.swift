import CSwiftOpt
import TestSupport

/// A small plan, good at first: its arrays lie side by side in the pool.
struct FuzzScene {
  static let poolBytes = 8192
  static let workspaceBytes = 16 * 1024
  static let numbers = [
    0, 1, -1, 0.5, .nan, .infinity, -.infinity, 1e308, -1e308, 0x1p-1074, -0.0, 2, 1e-3,
  ]

  var plan = so_plan()
  private let groups = UnsafeMutableBufferPointer<so_group>.allocate(capacity: 2)
  private let tensors = UnsafeMutableBufferPointer<so_tensor>.allocate(capacity: 3)
  private let pool: UnsafeMutableRawPointer
  private var offset = 0

  init(
    _ pool: UnsafeMutableRawPointer, _ workspace: UnsafeMutableRawPointer,
    _ random: inout SplitMix64
  ) {
    self.pool = pool
    let optimizer = random.pick(OptimizerEntry.all)
    let settings = random.pick(optimizer.variants)
    groups.initialize(repeating: so_group(settings.values, decay: optimizer.description.decay))
    for index in 0..<3 {
      tensors.initializeElement(at: index, to: tensor(index, settings, &random))
    }
    plan.optimizer = optimizer.id
    (plan.groups, plan.group_count) = (groups.baseAddress, 2)
    (plan.tensors, plan.tensor_count) = (tensors.baseAddress, 3)
    (plan.clip_norm, plan.gradient_scale) = (random.pick([.infinity, 1]), 1)
    (plan.workspace, plan.workspace_size) = (workspace, Int64(Self.workspaceBytes))
  }

  func deallocate() {
    groups.deallocate()
    tensors.deallocate()
  }

  private mutating func tensor(
    _ index: Int, _ settings: Settings, _ random: inout SplitMix64
  ) -> so_tensor {
    var tensor = so_tensor()
    (tensor.count, tensor.units) = (16, random.pick([1, 2, 16]))
    if random.below(2) == 0 { (tensor.rows, tensor.columns) = (4, 2) }
    tensor.group = Int32(index % 2)
    tensor.key = random.next()
    let dtypes = [SO_FLOAT32, SO_FLOAT64, SO_FLOAT16, SO_BFLOAT16].map { so_dtype($0) }
    (tensor.parameter_dtype, tensor.gradient_dtype) = (random.pick(dtypes), random.pick(dtypes))
    (tensor.parameter, tensor.gradient) = (take(), UnsafeRawPointer(take()))
    tensor.scalars = take().assumingMemoryBound(to: Double.self)
    tensor.rounding = Int32(random.below(2))
    tensor.accumulator = take()
    if random.below(3) == 0 { tensor.average = take() }
    if random.below(3) == 0 {
      (tensor.copy, tensor.copy_dtype) = (take(), random.pick(dtypes.filter { $0 != 2 }))
    }
    if tensor.parameter_dtype > so_dtype(SO_FLOAT64) {
      switch random.below(3) {
      case 0: tensor.master = take().assumingMemoryBound(to: Float.self)
      case 1: tensor.compensation = take()
      default: break
      }
    }
    for (slot, initial) in settings.initialSlots.enumerated() where initial != nil {
      tensor.setSlotArray(slot, self.slot(settings.optimizer.slots[slot], tensor, &random))
    }
    return tensor
  }

  private mutating func slot(
    _ slot: so_slot, _ tensor: so_tensor, _ random: inout SplitMix64
  ) -> so_array {
    let isMatrix = tensor.rows != 0
    if slot.owner == (isMatrix ? SO_SLOT_OF_OTHERS : SO_SLOT_OF_MATRICES) { return so_array() }
    let computation = tensor.parameter_dtype == so_dtype(SO_FLOAT64) ? SO_FLOAT64 : SO_FLOAT32
    var dtypes = [computation]
    if slot.content != SO_SLOT_EXACT && slot.form == SO_SLOT_FULL {
      dtypes += [SO_FLOAT32, SO_FLOAT64, SO_BFLOAT16]
      dtypes.append(slot.content == SO_SLOT_SIGNED ? SO_BLOCK8 : SO_BLOCK8_UNSIGNED)
    }
    return so_array(
      data: take(), scales: take().assumingMemoryBound(to: Float.self),
      dtype: so_dtype(random.pick(dtypes)), reserved: 0)
  }

  private mutating func take() -> UnsafeMutableRawPointer {
    offset += 128
    return pool + (offset - 128)
  }

  /// Changes one field to something that is mostly wrong.
  mutating func damage(_ random: inout SplitMix64) {
    switch random.below(5) {
    case 0: damagePlan(&random)
    case 1: damageShape(&random)
    case 2: damageArrays(&random)
    default: damageBetweenSteps(&random)
    }
  }

  private mutating func damagePlan(_ random: inout SplitMix64) {
    switch random.below(7) {
    case 0: plan.optimizer = random.pick([-1, 0, 1, 2, 5, 6, .max, .min])
    case 1: plan.group_count = random.pick([-1, 0, 1, .min])
    case 2: plan.tensor_count = random.pick([-1, 0, 1, 2, .max, .min])
    case 3: plan.reserved = random.pick([1, .max])
    case 4: plan.workspace = random.pick([nil, plan.workspace.map { $0 + random.below(64) }])
    case 5: plan.workspace_size = random.pick([-1, 0, 8, 900, .min])
    default: plan.tensors = random.pick([nil, tensors.baseAddress])
    }
  }

  private mutating func damageShape(_ random: inout SplitMix64) {
    let index = random.below(3)
    // Either what is there or more than any workspace is for.
    let number: Int64 = random.pick([
      -1, 0, 1, 2, 3, 4, 8, 15, 16, 1 << 32, 1 << 40, .max / 64, .max, .min,
    ])
    switch random.below(7) {
    case 0: tensors[index].count = number > 16 && number < 1 << 40 ? 16 : number
    case 1: tensors[index].rows = number
    case 2: tensors[index].columns = number
    case 3: tensors[index].units = number
    case 4: tensors[index].group = random.pick([-1, 0, 1, 2, .max, .min])
    case 5: tensors[index].parameter_dtype = random.pick([0, 1, 2, 3, 4, 5, 6, 7, -1, .min])
    default: tensors[index].copy_dtype = random.pick([0, 1, 2, 3, 4, 5, 6, 7, -1, .min])
    }
  }

  private mutating func damageArrays(_ random: inout SplitMix64) {
    let index = random.below(3)
    let address = address(&random)
    let floats = address?.assumingMemoryBound(to: Float.self)
    switch random.below(12) {
    case 0: tensors[index].parameter = address
    case 1: tensors[index].setSlot(random.below(4), address)
    case 2: tensors[index].changeSlot(random.below(4)) { $0.scales = floats }
    case 3:
      let dtype: so_dtype = random.pick([0, 1, 2, 3, 4, 5, 6, 7, -1, .max])
      tensors[index].changeSlot(random.below(4)) { $0.dtype = dtype }
    case 4: tensors[index].scalars = address?.assumingMemoryBound(to: Double.self)
    case 5: tensors[index].master = floats
    case 6: tensors[index].compensation = address
    case 7: tensors[index].average = address
    case 8: tensors[index].copy = address
    case 9: tensors[index].accumulator = address
    case 10: tensors[index].rounding = random.pick([0, 1, 2, -1, .max])
    default: tensors[index].key = random.next()
    }
  }

  /// NULL, or somewhere in the pool with room for 16 numbers, mostly aligned.
  private func address(_ random: inout SplitMix64) -> UnsafeMutableRawPointer? {
    if random.below(4) == 0 { return nil }
    let offset = random.below(Self.poolBytes - 128)
    return pool + (random.below(4) == 0 ? offset : offset / 8 * 8)
  }

  /// Changes one of the fields that a caller may change without preparing again.
  mutating func damageBetweenSteps(_ random: inout SplitMix64) {
    let index = random.below(3)
    let group = index % 2
    let number = random.pick(Self.numbers)
    let flag: Int32 = random.pick([0, 1, 1, 1, 2, -1, .min])
    switch random.below(24) {
    case 0: tensors[index].gradient = UnsafeRawPointer(address(&random))
    case 1: tensors[index].gradient_dtype = random.pick([0, 1, 2, 3, 4, 5, 6, -1, .max])
    case 2: tensors[index].accumulates = flag
    case 3: tensors[index].gradient = UnsafeRawPointer(tensors[index].accumulator)
    case 4: plan.clip_norm = number
    case 5: plan.gradient_scale = number
    case 6: plan.seed = random.next()
    case 7: plan.flags = random.pick([0, 1, 2, 3, 4, 7, 8, .max])
    case 8: plan.groups = random.pick([nil, groups.baseAddress, groups.baseAddress])
    case 9: groups[group].lr = number
    case 10: groups[group].weight_decay = number
    case 11: groups[group].clip_value = number
    case 12: groups[group].clip_tensor_norm = number
    case 13: groups[group].clip_unit_ratio = number
    case 14: groups[group].l1_penalty = number
    case 15: groups[group].l2_penalty = number
    case 16: groups[group].average_decay = number
    case 17: groups[group].decay = random.pick([0, 1, 2, 3, 4, -1, .max])
    case 18: groups[group].maximize = flag
    case 19: groups[group].cautious = flag
    case 20: groups[group].zero_gradient = flag
    default: groups[group].setHyperparameter(random.below(Int(SO_MAX_HYPERPARAMETERS)), number)
    }
  }
}
