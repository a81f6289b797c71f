import SwiftOptOptimizers
import TestSupport
import XCTest

/// The optimizers that scale a step or a gradient by norms of its whole tensor.
final class TrustRatioTests: XCTestCase {
  private let lambDefaults = [0.9, 0.999, 1e-6, 0, 0]  // beta1, beta2, eps, two flags

  /// You et al. 2020, algorithm 2: ‖p‖ / ‖r‖.
  func testLAMBRatio() {
    func ratio(_ p: Double, _ r: Double, decay: Double = 0.01, _ flags: [Double] = [0, 0])
      -> Double
    {
      let values = lambDefaults.prefix(3) + flags
      return withStep(Array(values), weightDecay: decay) {
        LAMB.trustRatio(parameterNorm: p, otherNorm: r, for: $0)
      }
    }
    XCTAssertEqual(ratio(5, 2), 2.5)
    XCTAssertEqual(ratio(1, 4), 0.25)
    XCTAssertEqual(ratio(0, 2), 1)
    XCTAssertEqual(ratio(5, 0), 1)
    XCTAssertEqual(ratio(5, 2, decay: 0), 1)
    XCTAssertEqual(ratio(5, 2, decay: 0, [0, 1]), 2.5)
    XCTAssertEqual(ratio(5, 2, [1, 0]), 1)
    XCTAssertEqual(ratio(1, 4, [1, 0]), 0.25)
    XCTAssert(ratio(.nan, 2).isNaN)
    XCTAssert(ratio(5, .nan, [1, 0]).isNaN)
  }

  /// You et al. 2017, equation 6: η · ‖p‖ / (‖g‖ + β · ‖p‖).
  func testLARSRatio() {
    func ratio(
      _ p: Double, _ g: Double, lr: Double = 0.5, decay: Double = 0.25, eps: Double = 0,
      _ flags: [Double] = [0, 0]
    ) -> Double {
      withStep([0.9, 0, 0.5, eps] + flags, lr: lr, weightDecay: decay) {
        LARS.trustRatio(parameterNorm: p, otherNorm: g, for: $0)
      }
    }
    XCTAssertEqual(ratio(4, 1), 1)  // 0.5 · 4 / (1 + 0.25 · 4)
    XCTAssertEqual(ratio(4, 3), 0.5)
    XCTAssertEqual(ratio(4, 3, eps: 4), 0.25)
    XCTAssertEqual(ratio(0, 3), 1)
    XCTAssertEqual(ratio(4, 0), 1)
    XCTAssertEqual(ratio(4, 1, decay: 0), 1)
    XCTAssertEqual(ratio(4, 1, decay: 0, [0, 1]), 2)
    // LARC: the smaller of ratio and lr, over lr, which the step multiplies by.
    XCTAssertEqual(ratio(4, 7, [1, 0]), 0.5)  // 0.25 / 0.5
    XCTAssertEqual(ratio(4, 1, [1, 0]), 1)
    XCTAssertEqual(ratio(4, 7, lr: 0, [1, 0]), 1)
    XCTAssert(ratio(.nan, 2).isNaN)
  }

  func testLAMBDirectionFollowsTheEquation() {
    directionFollowsTheEquation(Float.self)
    directionFollowsTheEquation(Double.self)
  }

  /// r of You et al. 2020, algorithm 2. Each step is judged from the state that the one
  /// before left.
  private func directionFollowsTheEquation<Scalar: TestScalar>(_ type: Scalar.Type) {
    let (beta1, beta2, eps) = (0.9, 0.999, 1e-6)
    var random = SplitMix64(seed: 3)
    for decay in [0, 0.1] {
      let count = 1_000
      let parameter: [Scalar] = random.numbers(count, exponents: -16...3)
      var slots = [[Scalar]](repeating: Array(repeating: 0, count: count), count: 2)
      var scalars = [0.0, 1, 1]
      for _ in 0..<3 {
        let gradient: [Scalar] = random.numbers(count, exponents: -16...6)
        scalars[0] += 1
        let before = slots
        let steps = withStep(lambDefaults, weightDecay: decay, scalars: &scalars) {
          let coefficients = LAMB.coefficients(for: $0)
          return run(gradient, parameter, &slots) { LAMB.dispatch(coefficients, $0, $1) }
        }
        for index in 0..<count {
          func exactly(_ value: Scalar) -> Bounded {
            Bounded(exactly: Double(value), Scalar.precision)
          }
          let (g, p) = (exactly(gradient[index]), exactly(parameter[index]))
          let m = beta1 * exactly(before[0][index]) + (1 - beta1) * g
          let v = beta2 * exactly(before[1][index]) + (1 - beta2) * (g * g)
          let adam = (m / (1 - scalars[1])) / ((v / (1 - scalars[2])).squareRoot() + eps)
          let r = decay == 0 ? adam : adam + decay * p
          guard r.allows(Double(steps[index])), m.allows(Double(slots[0][index])),
            v.allows(Double(slots[1][index]))
          else {
            return XCTFail("\(type), decay \(decay): \(steps[index]) is not \(r.value)")
          }
        }
      }
    }
  }

  /// The steps of one pass over all elements.
  private func run<Scalar: TestScalar>(
    _ gradient: [Scalar], _ parameter: [Scalar], _ slots: inout [[Scalar]],
    _ dispatch: (SlotPointers<Scalar>, Recorder<Scalar>) -> Void
  ) -> [Scalar] {
    var (first, second) = (slots[0], slots[1])
    var steps = [Scalar](repeating: 0, count: gradient.count)
    gradient.withUnsafeBufferPointer { gradient in
      parameter.withUnsafeBufferPointer { parameter in
        steps.withUnsafeMutableBufferPointer { steps in
          first.withUnsafeMutableBytes { first in
            second.withUnsafeMutableBytes { second in
              let bases = [first.baseAddress, second.baseAddress]
              bases.withUnsafeBufferPointer {
                dispatch(
                  SlotPointers($0.baseAddress!),
                  Recorder(gradient: gradient, parameter: parameter, steps: steps))
              }
            }
          }
        }
      }
    }
    slots = [first, second]
    return steps
  }

  private func withStep<Result>(
    _ values: [Double], lr: Double = 0.5, weightDecay: Double, _ body: (TensorStep) -> Result
  ) -> Result {
    var scalars = [1.0, 1, 1]
    return withStep(values, lr: lr, weightDecay: weightDecay, scalars: &scalars, body)
  }

  private func withStep<Result>(
    _ values: [Double], lr: Double = 0.5, weightDecay: Double, scalars: inout [Double],
    _ body: (TensorStep) -> Result
  ) -> Result {
    scalars.withUnsafeMutableBufferPointer { scalars in
      values.withUnsafeBufferPointer { values in
        body(
          TensorStep(
            lr: lr, weightDecay: weightDecay, hyperparameters: values.baseAddress!,
            scalars: scalars.baseAddress!))
      }
    }
  }
}

/// Keeps the steps that a rule returns.
private struct Recorder<Scalar: TestScalar>: RuleRunner {
  let gradient: UnsafeBufferPointer<Scalar>
  let parameter: UnsafeBufferPointer<Scalar>
  let steps: UnsafeMutableBufferPointer<Scalar>

  func run<Rule: UpdateRule>(_ rule: Rule, _ streams: Rule.Streams)
  where Rule.Streams.Scalar == Scalar {
    for index in gradient.indices {
      var slots = streams.load(index)
      steps[index] = rule.update(
        gradient: gradient[index], parameter: parameter[index], slots: &slots)
      streams.store(slots, at: index)
    }
  }
}
