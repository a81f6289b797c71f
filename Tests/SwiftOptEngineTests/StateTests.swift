import CSwiftOpt
import Glibc
import TestSupport
import XCTest

/// The state that callers keep: numbers per tensor, and that nothing else is needed to go on.
final class StateTests: XCTestCase {
  func testScalarsCountUpdates() {
    for optimizer in OptimizerEntry.all {
      let plan = TestPlan(Settings(optimizer), [TensorShape(3)])
      plan.run(steps: 4)
      XCTAssertEqual(plan.scalars(0)[0], 4, optimizer.name)
    }
  }

  /// Adam corrects its bias by one minus these: by the power for betas that stay the same,
  /// and by the weight that the zeros at the start still have for betas that change.
  func testProductsOfTheBetas() {
    for name in ["adam", "adamw"] {
      let plan = TestPlan(Settings(.named(name)), [TensorShape(3)])
      plan.run(steps: 5)
      // Up to six betas and five products, each half an ULP off: at most 11 numbers.
      XCTAssertLessThanOrEqual(ulpDistance(plan.scalars(0)[1], 0.59049), 11)
      XCTAssertLessThanOrEqual(ulpDistance(plan.scalars(0)[2], 0.995009990004999), 11)

      plan.groups[0].setHyperparameters(plan.settings.with("beta1", 0.5).values)
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
      XCTAssertLessThanOrEqual(ulpDistance(plan.scalars(0)[1], 0.295245), 11)
      XCTAssertLessThanOrEqual(ulpDistance(plan.scalars(0)[2], 0.994014980014994), 11)
    }
  }

  /// Four steps are two steps and, by another plan with the state so far, two more.
  func testAPlanGoesOnWhereAnotherStopped() {
    let shapes = [TensorShape(5), TensorShape(2049, dtype: SO_FLOAT64), TensorShape(1)]
    for settings in OptimizerEntry.all.flatMap(\.variants) {
      let whole = TestPlan(settings, shapes)
      whole.run(steps: 4)
      let first = TestPlan(settings, shapes)
      first.run(steps: 2)
      let second = TestPlan(settings, shapes)
      second.restore(first.writtenBytes)
      second.run(steps: 2)
      XCTAssert(haveSameBits(second.writtenBytes, whole.writtenBytes), "\(settings)")
    }
  }

  /// A slot starts at the value of its hyper-parameter, else at 0: Adagrad's sum is at first
  /// 0.25, and after a gradient of 3 it is 9.25.
  func testSlotsGoOnFromWhereTheyStarted() {
    let settings = Settings(.named("adagrad")).with("initial_accumulator_value", 0.25)
    let plan = TestPlan(settings, [TensorShape(1, dtype: SO_FLOAT64)])
    plan.setGradient(0, [3])
    plan.run()
    XCTAssertEqual(plan.tensors[0].slot(0)!.load(as: Double.self), 9.25)
  }

  /// A slot that no hyper-parameter asks for any more has no part in the step. Plain
  /// gradient descent has no dampening.
  func testASlotThatIsNotNeededStaysAsItIs() {
    let settings = Settings(.named("sgd")).with("momentum", 0.5).with("dampening", 0.25)
    let plan = TestPlan(settings, [TensorShape(1, dtype: SO_FLOAT64)])
    plan.setParameter(0, [0])
    plan.setGradient(0, [8])
    plan.groups[0].lr = 1
    plan.run()
    XCTAssertEqual(plan.parameter(0), [-8])
    plan.groups[0].setHyperparameters(settings.with("momentum", 0).values)
    XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    XCTAssertEqual(plan.parameter(0), [-16])
    // Half of the 8 that the buffer still has, and three quarters of the gradient.
    plan.groups[0].setHyperparameters(settings.values)
    XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    XCTAssertEqual(plan.parameter(0), [-16 - (4 + 6)])
  }

  /// The rounding mode of the calling thread has no part in the numbers, and is kept.
  func testTheCallersRoundingModeHasNoPart() {
    let shapes = [TensorShape(100), TensorShape(2049, dtype: SO_FLOAT64)]
    let modes: [Int32] = [FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO]
    for optimizer in OptimizerEntry.all {
      let nearest = stepBytes(optimizer, shapes)
      for mode in modes {
        fesetround(mode)
        let before = bareKernelResult()
        let bytes = stepBytes(optimizer, shapes)
        let after = bareKernelResult()
        fesetround(FE_TONEAREST)
        XCTAssert(haveSameBits(bytes, nearest), "\(optimizer.name), mode \(mode)")
        XCTAssert(haveSameBits(after, before), "\(optimizer.name), mode \(mode) was not kept")
        XCTAssertFalse(haveSameBits(before, bareKernelResult()), "mode \(mode) does nothing")
      }
    }
  }

  private func stepBytes(_ optimizer: OptimizerEntry, _ shapes: [TensorShape]) -> [UInt8] {
    let plan = TestPlan(optimizer.variants.last!, shapes)
    (plan.plan.clip_norm, plan.groups[0].weight_decay) = (1, 0.1)
    plan.run()
    return plan.writtenBytes
  }

  /// Kernels round as their thread does. C's fegetround would not tell: on x86-64 it looks
  /// at another register than the one for vectors.
  private func bareKernelResult() -> [Double] {
    var state = RuleState<Double>(Settings(.named("sgd")), parameter: (0..<99).map { Double($0) })
    let coefficients = state.begin(lr: 0.1)
    state.update(
      gradient: state.parameter, coefficients: coefficients, level: .baseline, .end)
    return state.parameter
  }
}
