import CSwiftOpt
import SwiftOptEngine
import SwiftOptOptimizers
import SwiftOptShims

@c @implementation
public func so_cast(
  _ source: UnsafeRawPointer?, _ source_dtype: so_dtype,
  _ target: UnsafeMutableRawPointer?, _ target_dtype: so_dtype, _ count: Int64,
  _ rounding: Int32, _ seed: UInt64
) -> so_status {
  guard isCastable(source_dtype) else { return failDtype("source_dtype", source_dtype) }
  guard isCastable(target_dtype) else { return failDtype("target_dtype", target_dtype) }
  guard rounding == Int32(SO_ROUND_NEAREST) || rounding == Int32(SO_ROUND_STOCHASTIC) else {
    return fail(
      .argument("rounding", Double(rounding), "SO_ROUND_NEAREST or SO_ROUND_STOCHASTIC"))
  }
  let isLow = target_dtype == so_dtype(SO_FLOAT16) || target_dtype == so_dtype(SO_BFLOAT16)
  guard isLow || rounding == Int32(SO_ROUND_NEAREST) else {
    return fail(
      .argument(
        "rounding", Double(rounding),
        "SO_ROUND_NEAREST unless target_dtype is SO_FLOAT16 or SO_BFLOAT16"))
  }
  guard count >= 0, count <= 1 << 60 else {
    return fail(.argument("count", Double(count), "in 0 ... 2^60"))
  }
  if count == 0 { return so_status(SO_OK) }
  guard let source else { return fail(.plan("source is NULL")) }
  guard let target else { return fail(.plan("target is NULL")) }
  if source == UnsafeRawPointer(target) && source_dtype == target_dtype {
    return so_status(SO_OK)
  }
  let cast = Cast(
    source: stored(UnsafeMutableRawPointer(mutating: source), source_dtype, count),
    target: stored(target, target_dtype, count, rounding: rounding, seed: seed))
  if let text = memoryFault(cast) { return fail(.plan(text)) }
  return cast.run().map(fail) ?? so_status(SO_OK)
}

private func isCastable(_ dtype: so_dtype) -> Bool {
  dtype >= so_dtype(SO_FLOAT32) && dtype <= so_dtype(SO_BFLOAT16)
}

private func failDtype(_ name: StaticString, _ dtype: so_dtype) -> so_status {
  _ = fail(
    .argument(name, Double(dtype), "SO_FLOAT32, SO_FLOAT64, SO_FLOAT16 or SO_BFLOAT16"))
  return so_status(SO_INVALID_TYPE)
}

private func stored(
  _ data: UnsafeMutableRawPointer, _ dtype: so_dtype, _ count: Int64, rounding: Int32 = 0,
  seed: UInt64 = 0
) -> so_stored {
  so_stored(
    data: data, scales: nil, dtype: dtype, rounding: rounding, count: count, index: 0,
    random_key: seed, random_update: 0)
}

/// What is wrong with where the two arrays lie, if anything is.
private func memoryFault(_ cast: Cast) -> StaticString? {
  let source = UInt(bitPattern: cast.source.data)
  let target = UInt(bitPattern: cast.target.data)
  let sourceSize = UInt(cast.source.bytesPerElement)
  let targetSize = UInt(cast.target.bytesPerElement)
  if source % sourceSize != 0 { return "source is not aligned to its element size" }
  if target % targetSize != 0 { return "target is not aligned to its element size" }
  // The distance in the other direction wraps around, to more than any array has.
  let count = UInt(cast.source.count)
  if target &- source < count &* sourceSize || source &- target < count &* targetSize {
    return "source and target share memory"
  }
  return nil
}
