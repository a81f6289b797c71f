import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// Runs the tile's optimizer over its elements, on the caller's own memory.
func updateTile(_ tile: so_update) {
  var visitor = UpdateVisitor(tile: tile)
  _ = visitOptimizer(tile.optimizer, &visitor)
}

struct UpdateVisitor: OptimizerVisitor {
  let tile: so_update

  @inline(__always)
  mutating func visit<Chosen: Optimizer>(_ optimizer: Chosen.Type) {
    let coefficients = tile.coefficients.load(as: Chosen.Coefficients.self)
    if tile.dtype == SO_FLOAT32 {
      run(optimizer, coefficients, Float.self)
    } else {
      run(optimizer, coefficients, Double.self)
    }
  }

  @inline(__always)
  func run<Chosen: Optimizer, Scalar: RealScalar>(
    _ optimizer: Chosen.Type, _ coefficients: Chosen.Coefficients, _ scalar: Scalar.Type
  ) {
    let runner = TileRunner<Scalar>(
      parameter: tile.parameter.assumingMemoryBound(to: Scalar.self),
      gradient: tile.gradient.assumingMemoryBound(to: Scalar.self),
      count: Int(tile.count),
      decay: Scalar(tile.decay),
      penalty: Scalar(tile.penalty))
    let slots = SlotPointers<Scalar>(bases: tile.slots, offset: Int(tile.offset))
    Chosen.dispatch(coefficients, slots, runner)
  }
}

struct TileRunner<Scalar: RealScalar>: RuleRunner {
  let parameter: UnsafeMutablePointer<Scalar>
  let gradient: UnsafePointer<Scalar>
  let count: Int
  let decay: Scalar
  let penalty: Scalar

  /// The loop that all of the library is for. One expression subtracts step and
  /// decay together: decaying the parameter first would round it twice. What is off has
  /// no part in a loop: it costs nothing, and an infinite parameter doesn't become 0 · ∞.
  @inline(__always)
  func run<Rule: UpdateRule>(_ rule: Rule, _ streams: Rule.Streams)
  where Rule.Streams.Scalar == Scalar {
    if decay != 0 {
      for index in 0..<count {
        let step = advance(rule, streams, index, gradient[index])
        let value = parameter[index]
        parameter[index] = value - (step + decay * value)
      }
    } else if penalty != 0 {
      for index in 0..<count {
        let value = parameter[index]
        parameter[index] =
          value - advance(rule, streams, index, gradient[index] + penalty * value)
      }
    } else {
      for index in 0..<count {
        let step = advance(rule, streams, index, gradient[index])
        parameter[index] = parameter[index] - step
      }
    }
  }

  /// Advances the state of element `index` and returns its step.
  @inline(__always)
  private func advance<Rule: UpdateRule>(
    _ rule: Rule, _ streams: Rule.Streams, _ index: Int, _ gradient: Scalar
  ) -> Scalar where Rule.Streams.Scalar == Scalar {
    var slots = streams.load(index)
    let step = rule.update(gradient: gradient, slots: &slots)
    streams.store(slots, at: index)
    return step
  }
}
