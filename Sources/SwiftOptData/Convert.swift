import CSwiftOpt

/// Writes `count` elements as another dtype, as so_data_field says: each the nearest, ties to
/// even. The source may lie at any alignment.
func convert(
  _ source: UnsafeRawPointer, _ dtype: so_dtype, to out: UnsafeMutableRawPointer,
  _ outDtype: so_dtype, count: Int, dividesBy255: Bool
) {
  if dtype == outDtype {
    out.copyMemory(from: source, byteCount: count &* elementSize(dtype))
    return
  }
  switch outDtype {
  case SO_FLOAT32:
    toFloats(
      source, dtype, out.assumingMemoryBound(to: Float.self), count: count,
      dividesBy255: dividesBy255)
  case SO_FLOAT64:
    toDoubles(
      source, dtype, out.assumingMemoryBound(to: Double.self), count: count,
      dividesBy255: dividesBy255)
  case SO_BFLOAT16, SO_FLOAT16:
    toHalves(
      source, dtype, out.assumingMemoryBound(to: UInt16.self), outDtype, count: count,
      dividesBy255: dividesBy255)
  case SO_INT32:
    widen(source, dtype, out.assumingMemoryBound(to: Int32.self), count: count)
  default:
    widen(source, dtype, out.assumingMemoryBound(to: Int64.self), count: count)
  }
}
