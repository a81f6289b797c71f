import CSwiftOpt
import TestSupport
import XCTest

/// Adaptive gradient clipping: Brock et al. 2021, "High-performance large-scale image
/// recognition without normalization", equation 3, with ε = 1e-3. Plain gradient descent with
/// lr = 1 makes the gradient visible in the parameters.
final class UnitClipTests: XCTestCase {
  private let ratio = 0.25

  private func makePlan(_ shapes: [TensorShape]) -> TestPlan {
    let plan = TestPlan(Settings(.named("sgd")), shapes)
    plan.groups[0].lr = 1
    plan.groups[0].clip_unit_ratio = ratio
    return plan
  }

  /// The gradient as equation 3 has it, in float64.
  private func clipped(_ gradient: [Double], _ parameter: [Double], units: Int) -> [Double] {
    let length = gradient.count / units
    return (0..<units).flatMap { unit in
      let run = unit * length..<(unit + 1) * length
      let limit = ratio * max(norm(Array(parameter[run])), 1e-3)
      let size = norm(Array(gradient[run]))
      return gradient[run].map { size > limit ? $0 * limit / size : $0 }
    }
  }

  /// Units of all sizes, also such that begin in one tile and end in another, and more of them
  /// than a thread takes at once.
  private let units = [(3000, 3), (4097, 1), (35, 35), (4100, 100), (40_000, 8000), (1, 1)]

  func testEveryUnitHasItsOwnLimit() {
    for dtype in [SO_FLOAT32, SO_FLOAT64] {
      for gradientDtype in [SO_FLOAT32, SO_FLOAT64, SO_BFLOAT16] {
        let plan = makePlan(
          units.map { count, units in
            TensorShape(count, dtype: dtype, gradientDtype: gradientDtype).with {
              $0.units = units
            }
          } + [TensorShape(0, dtype: dtype)])
        let before = units.indices.map(plan.parameter)
        let expected = units.indices.map { index in
          let seen = plan.gradient(index).map {
            dtype == SO_FLOAT32 ? Double(Float($0)) : $0
          }
          return clipped(seen, before[index], units: units[index].1)
        }
        plan.run()
        for index in units.indices {
          // The factor, the product and the difference; no number is above 32.
          assertClose(
            plan.parameter(index), zip(before[index], expected[index]).map { $0 - $1 },
            roundings: 3, unit: dtype == SO_FLOAT32 ? 0x1p-24 : 0x1p-48, scale: 32, "\(index)")
        }
        XCTAssertEqual(plan.report.clip_coefficient, 1)
        XCTAssertEqual(plan.report.norm_computed, 1)
      }
    }
  }

  /// In 16 bits the master's norm counts, or else the parameter's.
  func testParametersInSixteenBits() {
    for hasMaster in [false, true] {
      let plan = makePlan([
        TensorShape(3000, dtype: SO_BFLOAT16).with { ($0.units, $0.hasMaster) = (3, hasMaster) }
      ])
      let before = plan.parameter(0)
      let expected = zip(before, clipped(plan.gradient(0), before, units: 3)).map { $0 - $1 }
      plan.run()
      assertClose(
        hasMaster ? plan.master(0) : plan.parameter(0), expected, roundings: 3,
        unit: hasMaster ? 0x1p-24 : 0x1p-9, scale: hasMaster ? 32 : 0.01)
    }
  }

  /// Then the tensor's own norm, and that over all tensors, are limited.
  func testOtherLimitsSeeWhatUnitsLeave() {
    let plan = makePlan([4, 2].map { TensorShape($0, dtype: SO_FLOAT64).with { $0.units = 2 } })
    // Units of norm 20 and 4, limited to 5 and 4; one of norm 3 and an empty one.
    plan.setParameter(0, [16, 12, -16, 12])
    plan.setGradient(0, [16, -12, 4, 0])
    plan.setParameter(1, [100, 100])
    plan.setGradient(1, [3, 0])
    plan.groups[0].clip_tensor_norm = 4
    plan.plan.clip_norm = 2.5
    plan.run()
    XCTAssertEqual(plan.report.grad_norm, (400 + 16 + 9).squareRoot(), accuracy: 0x1p-48)
    // √41 becomes 4, then √(16 + 9) = 5 becomes 2.5.
    let factor = 4 / 41.0.squareRoot() / 2
    XCTAssertEqual(plan.report.clip_coefficient, 0.5, accuracy: 0x1p-52)
    assertClose(
      plan.parameter(0), [16 - 4 * factor, 12 + 3 * factor, -16 - 4 * factor, 12], scale: 1)
    assertClose(plan.parameter(1), [98.5, 100])
  }

  /// Units of zeros can move: their norm counts as a thousandth.
  func testZerosMoveALittle() {
    let plan = makePlan([TensorShape(4, dtype: SO_FLOAT64).with { $0.units = 2 }])
    plan.setParameter(0, [0, 0, 0, 0])
    plan.setGradient(0, [3, 4, 0, 0])
    plan.run()
    assertClose(plan.parameter(0), [-0.6 * ratio * 1e-3, -0.8 * ratio * 1e-3, 0, 0])
  }

  /// Limits compare with the scaled gradient.
  func testGradientsAreScaledFirst() {
    let plan = makePlan([TensorShape(2, dtype: SO_FLOAT64)])
    plan.setParameter(0, [12, 16])
    plan.setGradient(0, [3 * 1024, 4 * 1024])
    plan.plan.gradient_scale = 0x1p-10
    plan.run()
    XCTAssertEqual(plan.report.grad_norm, 5)
    XCTAssertEqual(plan.parameter(0), [9, 12])
  }

  func testAGradientThatIsNotFiniteSkipsTheStep() {
    let plan = makePlan([TensorShape(4).with { $0.units = 2 }])
    plan.setGradient(0, [1, .infinity, 1, 1])
    let before = plan.writtenBytes
    plan.run()
    XCTAssertEqual(plan.report.outcome, Int32(SO_SKIPPED))
    XCTAssert(haveSameBits(plan.writtenBytes, before))
  }
}
