import CSwiftOpt
import TestSupport
import XCTest

/// What follows from a new parameter: a copy in another dtype, a running average, and a
/// gradient that is cleared.
final class PublishTests: XCTestCase {
  private let sgd = Settings(.named("sgd"))

  private func run(_ shape: TensorShape, steps: Int = 1, _ change: (TestPlan) -> Void = { _ in })
    -> TestPlan
  {
    let plan = TestPlan(sgd, [shape, TensorShape(5)])
    change(plan)
    plan.run(steps: steps)
    return plan
  }

  func testACopyIsTheNearestNumberToTheParameter() {
    for copy in [SO_FLOAT32, SO_FLOAT16, SO_BFLOAT16] {
      for dtype in [SO_FLOAT32, SO_FLOAT64, SO_FLOAT16, SO_BFLOAT16] {
        for rounding in [SO_ROUND_NEAREST, SO_ROUND_STOCHASTIC] {
          let plan = run(
            TensorShape(4097, dtype: dtype).with { ($0.copyDtype, $0.rounding) = (copy, rounding) })
          XCTAssert(
            haveSameBits(
              plan.copy(0), StoredNumbers.rounded(plan.parameter(0), so_dtype(copy))),
            "\(dtype) in \(copy)")
        }
      }
    }
  }

  /// Of a compensated parameter too, as it is stored.
  func testACopyIsOfTheMasterWhereThereIsOne() {
    for copy in [SO_FLOAT32, SO_FLOAT16, SO_BFLOAT16] {
      let shape = TensorShape(2049, dtype: SO_BFLOAT16).with { $0.copyDtype = copy }
      let master = run(shape.with { $0.hasMaster = true })
      XCTAssert(
        haveSameBits(master.copy(0), StoredNumbers.rounded(master.master(0), so_dtype(copy))))
      let kahan = run(shape.with { $0.hasCompensation = true })
      XCTAssert(
        haveSameBits(kahan.copy(0), StoredNumbers.rounded(kahan.parameter(0), so_dtype(copy))))
    }
  }

  /// average ← decay · average + (1 − decay) · parameter, in the computation's dtype.
  func testTheRunningAverage() {
    averages(Float.self, TensorShape(2049))
    averages(Double.self, TensorShape(2049, dtype: SO_FLOAT64))
    averages(Float.self, TensorShape(2049, dtype: SO_BFLOAT16))
    averages(Float.self, TensorShape(2049, dtype: SO_BFLOAT16).with { $0.hasMaster = true })
    averages(Float.self, TensorShape(2049, dtype: SO_FLOAT16).with { $0.hasCompensation = true })
  }

  private func averages<Scalar: TestScalar>(_ type: Scalar.Type, _ shape: TensorShape) {
    for decay in [0.9, 0, 1] {
      let plan = run(shape.with { $0.hasAverage = true }, steps: 0) {
        $0.groups[0].average_decay = decay
      }
      var expected = plan.average(0).map { Scalar($0) }
      for _ in 0..<3 {
        XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
        let parameter = shape.hasMaster ? plan.master(0) : plan.parameter(0)
        for index in expected.indices {
          expected[index] =
            Scalar(decay) * expected[index] + Scalar(1 - decay) * Scalar(parameter[index])
        }
        XCTAssertEqual(plan.average(0), expected.map { Double($0) }, "\(shape), \(decay)")
      }
      if decay == 0 {
        XCTAssertEqual(plan.average(0), shape.hasMaster ? plan.master(0) : plan.parameter(0))
      }
    }
  }

  /// At the ends of its range a decay copies the parameter or leaves the average alone, also
  /// where a product with 0 would be NaN or lose a sign.
  func testTheEndsOfTheDecayAreExact() {
    let special = [Double.infinity, -.infinity, .nan, -0.0, 0, 1]
    let pairs = special.flatMap { a in special.map { (a, $0) } }
    for dtype in [SO_FLOAT32, SO_FLOAT64] {
      for decay in [0.0, 1] {
        let shape = TensorShape(pairs.count, dtype: dtype).with { $0.hasAverage = true }
        let plan = run(shape, steps: 0) {
          $0.groups[0].average_decay = decay
          $0.groups[0].lr = 0
        }
        plan.setParameter(0, pairs.map(\.0))
        plan.setGradient(0, pairs.map { _ in 1 })
        let width = so_dtype(dtype)
        StoredNumbers.write(pairs.map(\.1), plan.tensors[0].average!, width)
        let old = plan.average(0)
        XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
        XCTAssert(haveSameBits(plan.average(0), decay == 0 ? plan.parameter(0) : old))
      }
    }
  }

  private let gradientDtypes = [SO_FLOAT32, SO_FLOAT64, SO_FLOAT16, SO_BFLOAT16]

  /// Only in groups that ask for it, and the step is the same.
  func testGradientsAreCleared() {
    for optimizer in OptimizerEntry.all {
      for dtype in gradientDtypes {
        let shapes = [0, 1, 0, 1].enumerated().map { index, group in
          TensorShape(
            [4097, 5, 1, 0][index], dtype: SO_FLOAT32, gradientDtype: dtype, group: group)
        }
        let plan = TestPlan(Settings(optimizer), shapes, groupCount: 2)
        let plain = TestPlan(Settings(optimizer), shapes, groupCount: 2)
        plan.groups[0].zero_gradient = 1
        for plan in [plan, plain] { plan.tensors[2].gradient = nil }
        let kept = plan.gradient(1)
        plan.run()
        plain.run()
        XCTAssert(haveSameBits(plan.gradient(0), Array(repeating: 0, count: 4097)))
        XCTAssert(haveSameBits(plan.gradient(1), kept))
        XCTAssert(haveSameBits(plan.writtenBytes, plain.writtenBytes), optimizer.name)
      }
    }
  }

  /// A backward pass that adds to its gradients must not add to those that were skipped.
  func testGradientsOfASkippedStepAreClearedToo() {
    for dtype in gradientDtypes {
      let plan = run(TensorShape(3000, dtype: SO_FLOAT32, gradientDtype: dtype), steps: 0) {
        $0.setGradient(0, [.nan] + Array(repeating: 1, count: 2999))
        $0.plan.flags = UInt32(SO_SKIP_NONFINITE)
        $0.groups[0].zero_gradient = 1
      }
      let before = plan.writtenBytes
      XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
      XCTAssertEqual(plan.report.outcome, Int32(SO_SKIPPED))
      XCTAssert(haveSameBits(plan.gradient(0), Array(repeating: 0, count: 3000)))
      XCTAssert(haveSameBits(plan.gradient(1), Array(repeating: 0, count: 5)))
      XCTAssert(haveSameBits(plan.writtenBytes, before))
    }
  }

  /// Accumulators are not cleared, neither by a step nor by one that is skipped.
  func testAccumulatorsAreKept() {
    for value in [0.5, .nan] {
      let shape = TensorShape(3000, dtype: SO_FLOAT32).with { $0.hasAccumulator = true }
      let plan = TestPlan(Settings(.named("sgd")), [shape])
      plan.tensors[0].gradient = UnsafeRawPointer(plan.tensors[0].accumulator)
      plan.setGradient(0, Array(repeating: value, count: 3000))
      plan.plan.flags = UInt32(SO_SKIP_NONFINITE)
      plan.groups[0].zero_gradient = 1
      let kept = plan.gradient(0)
      plan.run()
      XCTAssertEqual(plan.report.outcome, Int32(value.isNaN ? SO_SKIPPED : SO_UPDATED))
      XCTAssert(haveSameBits(plan.gradient(0), kept))
    }
  }

  /// A refused step clears nothing.
  func testARefusedStepKeepsTheGradients() {
    let plan = run(TensorShape(7), steps: 0) { $0.groups[0].zero_gradient = 1 }
    plan.groups[0].lr = -1
    let gradient = plan.gradient(0)
    XCTAssertEqual(plan.step(), so_status(SO_INVALID_VALUE))
    XCTAssert(haveSameBits(plan.gradient(0), gradient))
  }
}
