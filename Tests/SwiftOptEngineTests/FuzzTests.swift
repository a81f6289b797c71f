import CSwiftOpt
import TestSupport
import XCTest

/// Plans of random nonsense: none may trap, and one that is refused may not have written.
/// Addresses are of real memory, as no library can check those.
final class FuzzTests: XCTestCase {
  private let poolBytes = 4096

  func testNonsenseIsRefusedAndNeverTraps() {
    var random = SplitMix64(seed: 7)
    let pool = GuardedBuffer<UInt8>(repeating: 1, count: poolBytes, .end)
    let workspace = GuardedBuffer<UInt8>(repeating: 1, count: 16 * 1024, .end)
    let count = 40_000
    var (prepared, stepped) = (0, 0)
    for _ in 0..<count {
      var scene = Scene(pool.raw, workspace.raw, &random)
      defer { scene.deallocate() }
      // Every third plan is nonsense all over, the others in at most a few places.
      let faults = random.below(3) == 0 ? 20 : random.below(3)
      for _ in 0..<faults { scene.damage(&random) }
      let before = pool.elements
      var size: Int64 = 0
      _ = so_plan_workspace_size(&scene.plan, &size)
      _ = so_plan_check_groups(&scene.plan)
      let isPrepared = so_plan_prepare(&scene.plan) == so_status(SO_OK)
      XCTAssert(haveSameBits(pool.elements, before), "prepare wrote")
      guard isPrepared else { continue }
      prepared += 1
      // What may change between steps.
      for _ in 0..<random.below(3) { scene.damageBetweenSteps(&random) }
      var report = so_report()
      if so_optimizer_step(&scene.plan, &report) == so_status(SO_OK) {
        stepped += 1
      } else {
        XCTAssert(haveSameBits(pool.elements, before), "a refused step wrote: \(lastError)")
      }
    }
    // Neither nonsense alone nor good plans alone would test much.
    XCTAssertGreaterThan(stepped, count / 20)
    XCTAssertGreaterThan(prepared - stepped, count / 20)
    XCTAssertGreaterThan(count - prepared, count / 20)
  }
}

/// A small plan, good at first: its arrays lie side by side in the pool.
private struct Scene {
  var plan = so_plan()
  private let groups = UnsafeMutableBufferPointer<so_group>.allocate(capacity: 2)
  private let tensors = UnsafeMutableBufferPointer<so_tensor>.allocate(capacity: 3)
  private let pool: UnsafeMutableRawPointer

  init(
    _ pool: UnsafeMutableRawPointer, _ workspace: UnsafeMutableRawPointer,
    _ random: inout SplitMix64
  ) {
    self.pool = pool
    let optimizer = random.pick(OptimizerEntry.all)
    let settings = random.pick(optimizer.variants)
    var group = so_group()
    group.lr = 0.1
    (group.clip_value, group.clip_tensor_norm) = (.infinity, .infinity)
    group.setHyperparameters(settings.values)
    groups.initialize(repeating: group)
    var offset = 0
    func take() -> UnsafeMutableRawPointer {
      offset += 128
      return pool + (offset - 128)
    }
    for index in 0..<3 {
      var tensor = so_tensor()
      tensor.count = 16
      tensor.group = Int32(index % 2)
      tensor.parameter_dtype = so_dtype(random.pick([SO_FLOAT32, SO_FLOAT64]))
      tensor.gradient_dtype = so_dtype(random.pick([SO_FLOAT32, SO_FLOAT64]))
      (tensor.parameter, tensor.gradient) = (take(), UnsafeRawPointer(take()))
      tensor.scalars = take().assumingMemoryBound(to: Double.self)
      for (slot, initial) in settings.initialSlots.enumerated() where initial != nil {
        tensor.setSlot(slot, take())
      }
      tensors.initializeElement(at: index, to: tensor)
    }
    plan.optimizer = optimizer.id
    (plan.groups, plan.group_count) = (groups.baseAddress, 2)
    (plan.tensors, plan.tensor_count) = (tensors.baseAddress, 3)
    plan.clip_norm = random.pick([.infinity, 1])
    (plan.workspace, plan.workspace_size) = (workspace, 16 * 1024)
  }

  func deallocate() {
    groups.deallocate()
    tensors.deallocate()
  }

  /// Changes one field to something that is mostly wrong.
  mutating func damage(_ random: inout SplitMix64) {
    let index = random.below(3)
    switch random.below(14) {
    case 0: plan.optimizer = random.pick([-1, 0, 1, 2, 5, 6, .max, .min])
    case 1: plan.group_count = random.pick([-1, 0, 1, .min])
    case 2: plan.tensor_count = random.pick([-1, 0, 1, 2, .max, .min])
    case 3: plan.reserved = random.pick([1, .max])
    case 4: plan.workspace = random.pick([nil, plan.workspace.map { $0 + random.below(64) }])
    case 5: plan.workspace_size = random.pick([-1, 0, 8, 900, .min])
    case 6: plan.tensors = random.pick([nil, tensors.baseAddress])
    // Either what is there or more than any workspace is for.
    case 7: tensors[index].count = random.pick([-1, 0, 1, 15, 1 << 40, .max / 64, .max, .min])
    case 8: tensors[index].group = random.pick([-1, 0, 1, 2, .max, .min])
    case 9: tensors[index].parameter_dtype = random.pick([0, 1, 2, 3, -1, .min])
    case 10: tensors[index].parameter = address(&random)
    case 11: tensors[index].setSlot(random.below(4), address(&random))
    case 12:
      tensors[index].scalars = address(&random)?.assumingMemoryBound(to: Double.self)
    default: damageBetweenSteps(&random)
    }
  }

  /// Changes one of the fields that a caller may change without preparing again.
  mutating func damageBetweenSteps(_ random: inout SplitMix64) {
    let index = random.below(3)
    let number = random.pick([
      0, 1, -1, 0.5, .nan, .infinity, -.infinity, 1e308, 0x1p-1074, -0.0, 2,
    ])
    switch random.below(9) {
    case 0: tensors[index].gradient = UnsafeRawPointer(address(&random))
    case 1: tensors[index].gradient_dtype = random.pick([0, 1, 2, 3, -1, .max])
    case 2: plan.clip_norm = number
    case 3: groups[index % 2].lr = number
    case 4: groups[index % 2].weight_decay = number
    case 5: groups[index % 2].clip_value = number
    case 6: groups[index % 2].clip_tensor_norm = number
    case 7: groups[index % 2].setHyperparameter(random.below(8), number)
    default:
      switch random.below(4) {
      case 0: plan.groups = nil
      case 1: groups[index % 2].maximize = random.pick([0, 1, 2, -1, .min])
      case 2: plan.flags = random.pick([0, 1, 2, 3, 4, .max])
      default: groups[index % 2].reserved = random.pick([0, 1, .min])
      }
    }
  }

  /// NULL, or somewhere in the pool with room for 16 numbers, mostly aligned.
  private func address(_ random: inout SplitMix64) -> UnsafeMutableRawPointer? {
    if random.below(4) == 0 { return nil }
    let offset = random.below(4096 - 128)
    return pool + (random.below(4) == 0 ? offset : offset / 8 * 8)
  }
}
