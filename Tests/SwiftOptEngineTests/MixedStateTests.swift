import CSwiftOpt
import TestSupport
import XCTest

/// States in other dtypes than the computation's.
final class MixedStateTests: XCTestCase {
  private let adamw = Settings(.named("adamw"))
  private let count = 2500

  private func makePlan(_ dtype: Int, slots: [Int]) -> TestPlan {
    TestPlan(adamw, [TensorShape(count, dtype: dtype).with { $0.slotDtypes = slots }])
  }

  /// Wider states change nothing: what is stored is exact.
  func testFloat64StatesOfAFloat32ParameterHaveTheSameNumbers() {
    let single = makePlan(SO_FLOAT32, slots: [])
    let mixed = makePlan(SO_FLOAT32, slots: [SO_FLOAT64, SO_FLOAT64])
    single.run(steps: 5)
    mixed.run(steps: 5)
    XCTAssert(haveSameBits(mixed.parameter(0), single.parameter(0)))
    for slot in [0, 1] { XCTAssert(haveSameBits(mixed.slot(0, slot), single.slot(0, slot))) }
  }

  /// From zeros, the first step is that of exact states, and these are then rounded.
  func testFloat32StatesOfAFloat64ParameterAreRounded() {
    let double = makePlan(SO_FLOAT64, slots: [])
    let mixed = makePlan(SO_FLOAT64, slots: [SO_FLOAT32, SO_FLOAT32])
    double.run()
    mixed.run()
    XCTAssert(haveSameBits(mixed.parameter(0), double.parameter(0)))
    for slot in [0, 1] {
      XCTAssert(haveSameBits(mixed.slot(0, slot), double.slot(0, slot).map { Double(Float($0)) }))
    }
  }

  func testHalfStatesAreRoundedToANeighbour() {
    for dtype in [SO_FLOAT32, SO_FLOAT64] {
      for (first, second) in [
        (HalfFormat.bfloat16, HalfFormat.bfloat16), (.float16, .bfloat16),
      ] {
        let exact = makePlan(dtype, slots: [])
        let mixed = makePlan(dtype, slots: [first.dtype, second.dtype])
        exact.run()
        mixed.run()
        XCTAssert(haveSameBits(mixed.parameter(0), exact.parameter(0)))
        for (slot, format) in [(0, first), (1, second)] {
          var up = 0
          for (stored, value) in zip(mixed.slot(0, slot), exact.slot(0, slot)) {
            XCTAssertLessThan((stored - value).magnitude, format.spacing(at: value))
            up += stored.magnitude > value.magnitude ? 1 : 0
          }
          // By chance, not always the same way.
          XCTAssertGreaterThan(up, count / 4)
          XCTAssertLessThan(up, 3 * count / 4)
        }
      }
    }
  }

  /// With β₂ = 0.999 a second moment changes by a thousandth of itself, which the nearest
  /// bfloat16 would lose; rounded by chance its mean is v = g² (1 − β₂ᵗ).
  func testSecondMomentsInBfloat16DoNotStall() {
    let steps = 500
    let plan = makePlan(SO_FLOAT32, slots: [SO_BFLOAT16, SO_BFLOAT16])
    plan.setGradient(0, Array(repeating: 1, count: count))
    plan.run(steps: steps)
    let v = (1...steps).reduce(1.0) { product, _ in product * 0.999 }
    let mean = plan.slot(0, 1).reduce(0, +) / Double(count)
    // Each rounding has at most a quarter of the spacing squared as variance; β₂ makes it less.
    let deviation =
      HalfFormat.bfloat16.spacing(at: 1 - v) / 2 * (Double(steps) / Double(count)).squareRoot()
    XCTAssertEqual(mean, 1 - v, accuracy: 6 * deviation)
  }

  /// 8-bit states are within an eighth of the numbers, and of the smallest ones that a block has.
  func testBlocksOfBytes() {
    for dtype in [SO_FLOAT32, SO_FLOAT64] {
      let exact = makePlan(dtype, slots: [])
      let mixed = makePlan(dtype, slots: [SO_BLOCK8, SO_BLOCK8_UNSIGNED])
      exact.run()
      mixed.run()
      XCTAssert(haveSameBits(mixed.parameter(0), exact.parameter(0)))
      for slot in [0, 1] {
        let values = exact.slot(0, slot)
        let scales = mixed.tensors[0].slotArray(slot).scales!
        for block in 0..<(count + 255) / 256 {
          let elements = values[(block * 256)..<min(count, block * 256 + 256)]
          XCTAssertEqual(Double(scales[block]), Double(Float(elements.map(\.magnitude).max()!)))
        }
      }
      // The next step starts from the rounded states: m within an eighth of itself, √v within
      // a sixteenth, so the step within a fifth.
      let before = exact.parameter(0)
      XCTAssertEqual(exact.step(), so_status(SO_OK), lastError)
      XCTAssertEqual(mixed.step(), so_status(SO_OK), lastError)
      for index in 0..<count where exact.gradient(0)[index].magnitude > 1 {
        let step = exact.parameter(0)[index] - before[index]
        let other = mixed.parameter(0)[index] - before[index]
        XCTAssertEqual(other, step, accuracy: step.magnitude / 5)
      }
    }
  }
}
