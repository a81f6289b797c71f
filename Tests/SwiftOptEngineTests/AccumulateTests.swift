import CSwiftOpt
import TestSupport
import XCTest

/// Gradients of several batches, weighted and added up before one step.
final class AccumulateTests: XCTestCase {
  private let sgd = Settings(.named("sgd"))
  private let dtypes = [SO_FLOAT32, SO_FLOAT64, SO_FLOAT16, SO_BFLOAT16]

  private func makePlan(_ shapes: [TensorShape], groupCount: Int = 1) -> TestPlan {
    let plan = TestPlan(
      sgd, shapes.map { $0.with { $0.hasAccumulator = true } }, groupCount: groupCount)
    XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError)
    return plan
  }

  /// accumulator = (accumulates ? accumulator : 0) + weight · gradient, each operation rounded
  /// to the computation's dtype; the first one replaces whatever was there.
  func testSums() {
    for dtype in dtypes {
      for gradientDtype in dtypes {
        sums(Float.self, TensorShape(4097, dtype: dtype, gradientDtype: gradientDtype))
        sums(Double.self, TensorShape(4097, dtype: SO_FLOAT64, gradientDtype: gradientDtype))
      }
    }
  }

  private func sums<Scalar: TestScalar>(_ type: Scalar.Type, _ shape: TensorShape) {
    guard (shape.computation == so_dtype(SO_FLOAT64)) == (Scalar.self == Double.self) else {
      return
    }
    let plan = makePlan([shape, TensorShape(40_000)])
    StoredNumbers.write(
      Array(repeating: .nan, count: shape.count), plan.tensors[0].accumulator!, shape.computation)
    var random = SplitMix64(seed: 51)
    var expected = [Scalar](repeating: 0, count: shape.count)
    for (number, weight) in [1, 0.3, 7].enumerated() {
      plan.setGradient(0, random.numbers(shape.count, exponents: -8...4))
      let gradient = plan.gradient(0).map { Scalar($0) }
      for index in expected.indices {
        let part = Scalar(weight) * gradient[index]
        expected[index] = number == 0 ? part : expected[index] + part
      }
      for index in [0, 1] { plan.tensors[index].accumulates = number == 0 ? 0 : 1 }
      let before = plan.parameter(0)
      XCTAssertEqual(plan.accumulate(weight: weight), so_status(SO_OK), lastError)
      XCTAssertEqual(plan.accumulator(0), expected.map { Double($0) }, "\(shape)")
      XCTAssert(haveSameBits(plan.gradient(0), gradient.map { Double($0) }))
      XCTAssert(haveSameBits(plan.parameter(0), before))
    }
    XCTAssertEqual(plan.scalars(0), [0], "an accumulation is no step")
  }

  /// Three batches of 1, 1 and 2 samples are one of 4: dyadic numbers, so to the bit.
  func testAStepWithTheMean() {
    for optimizer in OptimizerEntry.all {
      let shapes = [
        TensorShape(4097, dtype: SO_FLOAT64), TensorShape(5, dtype: SO_FLOAT64),
      ].map { $0.with { $0.hasAccumulator = true } }
      let plan = TestPlan(Settings(optimizer), shapes)
      let plain = TestPlan(Settings(optimizer), shapes)
      var random = SplitMix64(seed: 52)
      func numbers(_ count: Int) -> [Double] {
        (0..<count).map { _ in Double(random.below(1024) - 512) / 64 }
      }
      for plan in [plan, plain] { XCTAssertEqual(plan.prepare(), so_status(SO_OK), lastError) }
      let gradients = shapes.indices.map { plan.tensors[$0].gradient }
      for _ in 0..<2 {
        var sums = shapes.map { Array(repeating: 0.0, count: $0.count) }
        for (number, weight) in [1, 1, 2.0].enumerated() {
          for index in shapes.indices {
            plan.setGradient(index, numbers(shapes[index].count))
            sums[index] = zip(sums[index], plan.gradient(index)).map { $0 + weight * $1 }
            plan.tensors[index].accumulates = number == 0 ? 0 : 1
          }
          XCTAssertEqual(plan.accumulate(weight: weight), so_status(SO_OK), lastError)
        }
        for index in shapes.indices {
          plain.setGradient(index, sums[index].map { $0 / 4 })
          plan.tensors[index].gradient = UnsafeRawPointer(plan.tensors[index].accumulator)
        }
        plan.plan.gradient_scale = 0.25
        for plan in [plan, plain] {
          plan.plan.clip_norm = 2
          XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
        }
        XCTAssertEqual(plan.report.grad_norm, plain.report.grad_norm)
        for index in shapes.indices {
          plan.tensors[index].gradient = gradients[index]
          XCTAssert(haveSameBits(plan.parameter(index), plain.parameter(index)), optimizer.name)
          XCTAssertEqual(plan.scalars(index), plain.scalars(index))
        }
      }
    }
  }

  /// The gradients are cleared when they were added; the accumulator stays what it is in the
  /// step that it is the gradient of.
  func testGradientsAreClearedAndAccumulatorsAreNot() {
    let plan = makePlan([0, 1].map { TensorShape(3000, group: $0) }, groupCount: 2)
    plan.groups[0].zero_gradient = 1
    let gradients = [0, 1].map(plan.gradient)
    XCTAssertEqual(plan.accumulate(weight: 1), so_status(SO_OK), lastError)
    XCTAssert(haveSameBits(plan.gradient(0), Array(repeating: 0, count: 3000)))
    XCTAssert(haveSameBits(plan.gradient(1), gradients[1]))
    for index in [0, 1] {
      plan.tensors[index].gradient = UnsafeRawPointer(plan.tensors[index].accumulator)
    }
    XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
    for index in [0, 1] { XCTAssertEqual(plan.accumulator(index), gradients[index]) }
  }

  func testATensorWithoutGradientKeepsItsAccumulator() {
    let plan = makePlan([TensorShape(3), TensorShape(3)])
    XCTAssertEqual(plan.accumulate(weight: 1), so_status(SO_OK), lastError)
    let before = plan.accumulator(0)
    plan.tensors[0].gradient = nil
    XCTAssertEqual(plan.accumulate(weight: 2), so_status(SO_OK), lastError)
    XCTAssertEqual(plan.accumulator(0), before)
    XCTAssertEqual(plan.accumulator(1), plan.gradient(1).map { 2 * $0 })
  }

  func testRefusals() {
    let changed = "tensors[1]: its shape or a dtype is not that of so_plan_prepare"
    let faults = [
      Fault("tensors[1]: accumulator is NULL") { $0.tensors[1].accumulator = nil },
      Fault("tensors[1]: accumulates is not 0 or 1") { $0.tensors[1].accumulates = 2 },
      Fault("tensors[1]: accumulates is not 0 or 1") { $0.tensors[1].accumulates = -1 },
      Fault("tensors[1]: gradient is the accumulator") {
        $0.tensors[1].gradient = UnsafeRawPointer($0.tensors[1].accumulator)
      },
      Fault("tensors[1]: group is not the index of a group") { $0.tensors[1].group = 1 },
      Fault("tensors[1]: group is not the index of a group") { $0.tensors[1].group = -1 },
      Fault(changed) { $0.tensors[1].count = 4 },
      Fault(changed) { $0.tensors[1].parameter_dtype = so_dtype(SO_FLOAT64) },
      Fault("tensors[1]: gradient_dtype is unknown", SO_INVALID_TYPE) {
        $0.tensors[1].gradient_dtype = 5
      },
      Fault("tensors[1]: gradient is not aligned to its element size") {
        $0.tensors[1].gradient = $0.tensors[1].gradient! - 2
      },
      Fault("groups[0].lr is -1; it must be finite and >= 0") { $0.groups[0].lr = -1 },
      Fault("plan: call so_plan_prepare first") { $0.plan.workspace_size -= 1 },
    ]
    for fault in faults {
      let plan = makePlan([TensorShape(3), TensorShape(3)])
      fault.change(plan)
      assertRefuses(plan, fault, "so_plan_accumulate") { plan.accumulate(weight: 1) }
    }
    for (text, weight) in [("0", 0), ("-1", -1), ("nan", Double.nan), ("inf", .infinity)] {
      let plan = makePlan([TensorShape(3)])
      let fault = Fault("weight is \(text); it must be finite and > 0") { _ in }
      assertRefuses(plan, fault, "so_plan_accumulate") { plan.accumulate(weight: weight) }
    }
  }
}
