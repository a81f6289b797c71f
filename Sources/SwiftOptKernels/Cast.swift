import CSwiftOpt
import SwiftOptShims

/// Writes the numbers of `source` to `target`, in its dtype and rounded as it says. Neither is
/// in 8-bit blocks.
func cast(_ source: so_stored, to target: so_stored) {
  if source.dtype == target.dtype {
    target.elements(UInt8.self).update(
      from: source.elements(UInt8.self), count: Int(source.count) &* elementSize(source.dtype))
  } else if source.dtype == SO_FLOAT32 || source.dtype == SO_FLOAT64 {
    encode(source.elements(UInt8.self), dtype: source.dtype, into: target)
  } else if target.dtype == SO_FLOAT32 || target.dtype == SO_FLOAT64 {
    decode(source, dtype: target.dtype, into: target.elements(UInt8.self))
  } else {
    castHalves(source, to: target)
  }
}

/// From float16 to bfloat16 or back, by way of `Float`, which holds either exactly.
private func castHalves(_ source: so_stored, to target: so_stored) {
  source.forEachChunk(scratch: Float.self) { number, elements, floats in
    decode(source.chunk(number, elements), into: floats)
    encode(floats, into: target.chunk(number, elements))
  }
}
