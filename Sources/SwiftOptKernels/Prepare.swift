import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// Writes to `out` the gradient as the rule shall see it: rounded to the precision
/// of the computation, scaled, limited, with the coupled penalty added.
func prepareTile(_ tile: so_prepare) {
  let floats = tile.gradient.assumingMemoryBound(to: Float.self)
  let doubles = tile.gradient.assumingMemoryBound(to: Double.self)
  switch (tile.dtype == SO_FLOAT32, tile.gradient_dtype == SO_FLOAT32) {
  case (true, true): prepare(tile, Float.self) { floats[$0] }
  case (true, false): prepare(tile, Float.self) { Float(doubles[$0]) }
  case (false, true): prepare(tile, Double.self) { Double(floats[$0]) }
  case (false, false): prepare(tile, Double.self) { doubles[$0] }
  }
}

@inline(__always)
private func prepare<Scalar: RealScalar>(
  _ tile: so_prepare, _ scalar: Scalar.Type, gradient: (Int) -> Scalar
) {
  let parameter = tile.parameter.assumingMemoryBound(to: Scalar.self)
  let out = tile.out.assumingMemoryBound(to: Scalar.self)
  let scale = Scalar(tile.scale)
  let limit = Scalar(tile.clip_value)
  let penalty = Scalar(tile.penalty)
  let count = Int(tile.count)
  // Two loops, so that without a penalty an infinite parameter doesn't turn the
  // gradient into 0 · ∞.
  if penalty == 0 {
    for index in 0..<count {
      out[index] = limited(gradient(index) * scale, to: limit)
    }
  } else {
    for index in 0..<count {
      out[index] = limited(gradient(index) * scale, to: limit) + penalty * parameter[index]
    }
  }
}

/// `value` within ± `limit`; a value that is not a number stays so.
@inline(__always)
private func limited<Scalar: RealScalar>(_ value: Scalar, to limit: Scalar) -> Scalar {
  value > limit ? limit : (value < -limit ? -limit : value)
}
