import CSwiftOpt
import TestSupport
import XCTest

/// Liang et al. 2024, "Cautious optimizers", algorithm 1: steps against the gradient are left
/// out, and the others grow by what makes up for them in the whole tensor.
final class CautiousTests: XCTestCase {
  private let momentum = 0.9
  private let lr = 0.25
  /// Three tiles.
  private let count = 5000

  private func makePlan(_ dtype: Int = SO_FLOAT64) -> TestPlan {
    let plan = TestPlan(
      Settings(.named("sgd")).with("momentum", momentum), [TensorShape(count, dtype: dtype)])
    plan.groups[0].lr = lr
    plan.groups[0].cautious = 1
    return plan
  }

  func testStepsAgainstTheGradientAreLeftOut() {
    for (maximize, decay, weightDecay) in [
      (false, SO_DECAY_COUPLED, 0), (true, SO_DECAY_COUPLED, 0.1), (false, SO_DECAY_DECOUPLED, 0.1),
      (true, SO_DECAY_INDEPENDENT, 0.01),
    ] {
      let plan = makePlan()
      plan.groups[0].maximize = maximize ? 1 : 0
      (plan.groups[0].decay, plan.groups[0].weight_decay) = (Int32(decay), weightDecay)
      XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError)
      var random = SplitMix64(seed: 41)
      var parameter = plan.parameter(0)
      var buffer = [Double](repeating: 0, count: count)
      for number in 1...3 {
        let gradient: [Double] = random.numbers(count, exponents: -4...2)
        plan.setGradient(0, gradient)
        XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
        let seen = zip(gradient, parameter).map {
          (maximize ? -$0 : $0) + (decay == SO_DECAY_COUPLED ? weightDecay * $1 : 0)
        }
        buffer = zip(buffer, seen).map { number == 1 ? $1 : momentum * $0 + $1 }
        let agrees = zip(buffer, seen).map { $0 * $1 > 0 }
        let agreeing = agrees.filter { $0 }.count
        // Zeros agree with nothing.
        XCTAssertLessThan(agreeing, count)
        XCTAssertGreaterThan(agreeing, count / 3)
        let scale = Double(count) / Double(agreeing)
        let share =
          decay == SO_DECAY_DECOUPLED
          ? lr * weightDecay : (decay == SO_DECAY_INDEPENDENT ? weightDecay : 0)
        for index in 0..<count {
          let step = agrees[index] ? scale * lr * buffer[index] : 0
          parameter[index] -= step + share * parameter[index]
        }
        assertClose(plan.parameter(0), parameter, roundings: 24, scale: 16, "step \(number)")
      }
    }
  }

  /// A gradient of all ones after one of all minus ones, but for a few elements: with a
  /// momentum of 0.9 the buffer still points the other way.
  func testFewStepsDoNotBecomeHuge() {
    for agreeing in [0, 2, 5, 1000] {
      let plan = makePlan()
      plan.setParameter(0, Array(repeating: 0, count: count))
      plan.setGradient(0, (0..<count).map { $0 < agreeing ? 1 : -10 })
      plan.run()
      let before = plan.parameter(0)
      plan.setGradient(0, Array(repeating: 1, count: count))
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
      // At most a thousand times as far.
      let scale = min(1000, Double(count) / Double(agreeing))
      let expected = (0..<count).map {
        $0 < agreeing ? before[$0] - scale * lr * (momentum + 1) : before[$0]
      }
      assertClose(plan.parameter(0), expected, "\(agreeing) agree")
    }
  }

  func testGroupsThatAreNotCautiousHaveNoPart() {
    for dtype in [SO_FLOAT32, SO_FLOAT64, SO_BFLOAT16] {
      for settings in OptimizerEntry.all.flatMap(\.variants) {
        let shapes = [0, 1].map { TensorShape(2100, dtype: dtype, group: $0) }
        let plan = TestPlan(settings, shapes, groupCount: 2)
        let plain = TestPlan(settings, shapes, groupCount: 2)
        plan.groups[0].cautious = 1
        var random = SplitMix64(seed: 42)
        for plan in [plan, plain] { XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError) }
        for number in 0..<3 {
          let gradients: [[Double]] = [0, 1].map { _ in random.numbers(2100, exponents: -4...2) }
          for plan in [plan, plain] {
            for index in [0, 1] { plan.setGradient(index, gradients[index]) }
            XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
          }
          guard number == 0 else { continue }
          // The state is as ever, also of the cautious group.
          for slot in settings.initialSlots.indices where plan.tensors[0].slot(slot) != nil {
            XCTAssert(haveSameBits(plan.slot(0, slot), plain.slot(0, slot)), "\(settings)")
          }
        }
        XCTAssert(haveSameBits(plan.parameter(1), plain.parameter(1)), "\(settings)")
      }
    }
  }

  /// What is not a number stays visible.
  func testNotANumberIsNotLeftOut() {
    for dtype in [SO_FLOAT32, SO_FLOAT64, SO_BFLOAT16] {
      let plan = makePlan(dtype)
      var gradient = [Double](repeating: 1, count: count)
      gradient[4321] = .nan
      plan.setGradient(0, gradient)
      plan.run()
      let parameter = plan.parameter(0)
      XCTAssertEqual(parameter.indices.filter { parameter[$0].isNaN }, [4321])
    }
  }
}
