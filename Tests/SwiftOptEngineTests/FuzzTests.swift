import CSwiftOpt
import TestSupport
import XCTest

/// Plans of random nonsense: none may trap, as that ends the process, and one that is refused
/// may not have written. Addresses are of real memory, as no library can check those.
final class FuzzTests: XCTestCase {
  #if DEBUG
    private let count = 3_000
  #else
    private let count = 60_000
  #endif
  private let pool = GuardedBuffer<UInt8>(repeating: 1, count: FuzzScene.poolBytes, .end)
  private let workspace = GuardedBuffer<UInt8>(
    repeating: 1, count: FuzzScene.workspaceBytes, .end)

  func testNonsenseIsRefusedAndNeverTraps() {
    var random = SplitMix64(seed: 7)
    var (prepared, done, refused) = (0, 0, 0)
    for _ in 0..<count {
      fillPool(&random)
      var scene = FuzzScene(pool.raw, workspace.raw, &random)
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
      for _ in 0..<1 + random.below(4) {
        for _ in 0..<random.below(3) { scene.damageBetweenSteps(&random) }
        if use(&scene, &random) { done += 1 } else { refused += 1 }
      }
    }
    // Neither nonsense alone nor good plans alone would test much.
    XCTAssertGreaterThan(done, count / 10)
    XCTAssertGreaterThan(refused, count / 20)
    XCTAssertGreaterThan(prepared, count / 20)
    XCTAssertGreaterThan(count - prepared, count / 20)
  }

  /// What the contract doesn't allow between two steps: the caller's numbers may then be
  /// anything, but the process goes on.
  func testBrokenPromisesNeverTrap() {
    var random = SplitMix64(seed: 9)
    var (done, refused) = (0, 0)
    for _ in 0..<count {
      fillPool(&random)
      var scene = FuzzScene(pool.raw, workspace.raw, &random)
      defer { scene.deallocate() }
      guard so_plan_prepare(&scene.plan) == so_status(SO_OK) else { continue }
      for _ in 0..<3 {
        scene.damage(&random)
        if use(&scene, &random) { done += 1 } else { refused += 1 }
      }
    }
    XCTAssertGreaterThan(done, count / 10)
    XCTAssertGreaterThan(refused, count / 10)
  }

  /// A random call on a prepared plan; whether it succeeded. If not, it wrote nothing.
  private func use(_ scene: inout FuzzScene, _ random: inout SplitMix64) -> Bool {
    let before = pool.elements
    var report = so_report()
    let status: so_status
    switch random.below(4) {
    case 0: status = so_plan_receive(&scene.plan, random.pick([0, 1, 2, 3, -1, .max, .min]))
    case 1: status = so_plan_accumulate(&scene.plan, random.pick(FuzzScene.numbers))
    default: status = so_optimizer_step(&scene.plan, &report)
    }
    if status == so_status(SO_OK) { return true }
    XCTAssert(haveSameBits(pool.elements, before), "a refused call wrote: \(lastError)")
    return false
  }

  /// Step counts, products of betas, parameters and states of any bits at all.
  private func fillPool(_ random: inout SplitMix64) {
    let words = UnsafeMutableRawBufferPointer(start: pool.raw, count: pool.count)
    let isPlain = random.below(2) == 0
    for offset in stride(from: 0, to: pool.count, by: 8) {
      let bits = isPlain ? Double(random.below(100)).bitPattern : random.next()
      words.storeBytes(of: bits, toByteOffset: offset, as: UInt64.self)
    }
    guard !isPlain else { return }
    for _ in 0..<64 {
      let special = random.pick(FuzzScene.numbers + [0x1p53, 0x1p62, 0x1p63, 0x1p64, -0x1p63])
      words.storeBytes(of: special, toByteOffset: 8 * random.below(pool.count / 8), as: Double.self)
    }
  }
}
