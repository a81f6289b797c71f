import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// Adds a weighted gradient to its accumulator.
func accumulateRun(_ run: so_accumulation) {
  if run.dtype == SO_FLOAT32 {
    accumulate(run, Float.self)
  } else {
    accumulate(run, Double.self)
  }
}

private func accumulate<Scalar: RealScalar>(_ run: so_accumulation, _ scalar: Scalar.Type) {
  let chunk = 1024
  let size = elementSize(run.gradient_dtype)
  let weight = Scalar(run.weight)
  let scratch = run.scratch.assumingMemoryBound(to: Scalar.self)
  let accumulator = run.accumulator.assumingMemoryBound(to: Scalar.self)
  let end = Int(run.index &+ run.count)
  var index = Int(run.index)
  while index < end {
    let count = min(chunk, end &- index)
    let source = run.gradient + index &* size
    var gradient = UnsafePointer(source.assumingMemoryBound(to: Scalar.self))
    if run.gradient_dtype != run.dtype {
      let stored = so_stored(
        data: source, scales: nil, dtype: run.gradient_dtype, rounding: 0, count: Int64(count),
        index: 0, random_key: 0, random_update: 0)
      decode(stored, into: scratch)
      gradient = UnsafePointer(scratch)
    }
    let target = accumulator + index
    if run.adds != 0 {
      for position in 0..<count {
        target[position] += weight * gradient[position]
      }
    } else {
      for position in 0..<count {
        target[position] = weight * gradient[position]
      }
    }
    if run.zero_gradient != 0 { zero(source, count &* size) }
    index &+= count
  }
}
