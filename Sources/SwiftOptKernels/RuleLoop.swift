import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// The arrays and numbers of one run of a rule, all in the computation's dtype.
struct RuleRun<Scalar: RealScalar> {
  let parameter: UnsafeMutablePointer<Scalar>
  let gradient: UnsafePointer<Scalar>
  /// Where the steps go instead of off the parameter.
  var steps: UnsafeMutablePointer<Scalar>?
  let slots: UnsafePointer<UnsafeMutableRawPointer?>
  let count: Int
  /// The gradient is multiplied by this.
  let scale: Scalar
  /// The parameter shrinks by this share of itself. Not with `steps`.
  let decay: Scalar
  /// The gradient grows by this share of the parameter. Not with `decay`.
  let penalty: Scalar
  let coefficients: UnsafeRawPointer
}

/// Advances the elements of `run` by one step of optimizer `id`.
func advance<Scalar: RealScalar>(_ id: Int32, by run: RuleRun<Scalar>) {
  var visitor = RuleVisitor(run: run)
  _ = visitOptimizer(id, &visitor)
}

private struct RuleVisitor<Scalar: RealScalar>: OptimizerVisitor {
  let run: RuleRun<Scalar>

  @inline(__always)
  mutating func visit<Chosen: Optimizer>(_ optimizer: Chosen.Type) {
    runRule(optimizer, run)
  }
}

/// A function of its own per optimizer: in one function for all of them registers run out.
@inline(never)
private func runRule<Chosen: Optimizer, Scalar: RealScalar>(
  _ optimizer: Chosen.Type, _ run: RuleRun<Scalar>
) {
  let coefficients = run.coefficients.load(as: Chosen.Coefficients.self)
  Chosen.dispatch(coefficients, SlotPointers<Scalar>(run.slots), RuleLoop(run: run))
}

private struct RuleLoop<Scalar: RealScalar>: RuleRunner {
  let run: RuleRun<Scalar>

  /// The loop that all of the library is for. One expression subtracts step and
  /// decay together: decaying the parameter first would round it twice. What is off has
  /// no part in a loop: it costs nothing, and an infinite parameter doesn't become 0 · ∞.
  /// The scale is in every loop: a product with 1 is exact and hides behind the memory.
  @inline(__always)
  func run<Rule: UpdateRule>(_ rule: Rule, _ streams: Rule.Streams)
  where Rule.Streams.Scalar == Scalar {
    let parameter = run.parameter
    let gradient = run.gradient
    let scale = run.scale
    if let steps = run.steps {
      for index in 0..<run.count {
        steps[index] = advance(rule, streams, index, gradient[index] * scale, parameter[index])
      }
    } else if run.decay != 0 {
      let decay = run.decay
      for index in 0..<run.count {
        let value = parameter[index]
        let step = advance(rule, streams, index, gradient[index] * scale, value)
        parameter[index] = value - (step + decay * value)
      }
    } else if run.penalty != 0 {
      let penalty = run.penalty
      for index in 0..<run.count {
        let value = parameter[index]
        let gradient = gradient[index] * scale + penalty * value
        parameter[index] = value - advance(rule, streams, index, gradient, value)
      }
    } else {
      for index in 0..<run.count {
        let value = parameter[index]
        parameter[index] = value - advance(rule, streams, index, gradient[index] * scale, value)
      }
    }
  }

  /// Advances the state of element `index` and returns its step.
  @inline(__always)
  private func advance<Rule: UpdateRule>(
    _ rule: Rule, _ streams: Rule.Streams, _ index: Int, _ gradient: Scalar, _ parameter: Scalar
  ) -> Scalar where Rule.Streams.Scalar == Scalar {
    var slots = streams.load(index)
    let step = rule.update(gradient: gradient, parameter: parameter, slots: &slots)
    streams.store(slots, at: index)
    return step
  }
}
