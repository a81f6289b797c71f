import CSwiftOpt
import SwiftOptShims

/// Writes the run's numbers to `out`; float64 is rounded, all others are exact.
func decode(_ run: so_stored, into out: UnsafeMutablePointer<Float>) {
  let count = Int(run.count)
  let halves = run.elements(UInt16.self)
  switch run.dtype {
  case SO_FLOAT32:
    let floats = run.elements(Float.self)
    for index in 0..<count { out[index] = floats[index] }
  case SO_FLOAT64:
    let doubles = run.elements(Double.self)
    for index in 0..<count { out[index] = Float(doubles[index]) }
  case SO_FLOAT16:
    for index in 0..<count { out[index] = floatFromFloat16(halves[index]) }
  case SO_BFLOAT16:
    for index in 0..<count { out[index] = floatFromBfloat16(halves[index]) }
  case SO_BLOCK8:
    decodeBlocks(run, SignedCode.self, out)
  default:
    decodeBlocks(run, UnsignedCode.self, out)
  }
}

/// Dtypes below float32 by way of `Float`: one loop that changes the width and the format of
/// numbers at once would not vectorise.
func decode(_ run: so_stored, into out: UnsafeMutablePointer<Double>) {
  let count = Int(run.count)
  switch run.dtype {
  case SO_FLOAT32:
    let floats = run.elements(Float.self)
    for index in 0..<count { out[index] = Double(floats[index]) }
  case SO_FLOAT64:
    let doubles = run.elements(Double.self)
    for index in 0..<count { out[index] = doubles[index] }
  default:
    run.forEachChunk(scratch: Float.self) { number, elements, floats in
      decode(run.chunk(number, elements), into: floats)
      let target = out + elements.lowerBound
      for index in 0..<elements.count { target[index] = Double(floats[index]) }
    }
  }
}

func decode(_ run: so_stored, dtype: so_dtype, into out: UnsafeMutableRawPointer) {
  if dtype == SO_FLOAT32 {
    decode(run, into: out.assumingMemoryBound(to: Float.self))
  } else {
    decode(run, into: out.assumingMemoryBound(to: Double.self))
  }
}

/// A block whose scale is not a number, because one of its values wasn't finite, has no
/// finite element left: what went wrong stays visible.
@inline(__always)
private func decodeBlocks<Code: BlockCode>(
  _ run: so_stored, _ code: Code.Type, _ out: UnsafeMutablePointer<Float>
) {
  // A caller may have taken them away since they were checked; a trap would end the process.
  guard let scales = run.scales else { return }
  let codes = run.elements(UInt8.self)
  run.forEachChunk { block, elements in
    let scale = scales[block]
    for index in elements { out[index] = code.number(codes[index]) * scale }
  }
}
