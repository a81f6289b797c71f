import CSwiftOpt

// Loops over elements of concrete types. Sources may lie at any alignment: a sample of a
// packed record does.

/// Calls `body` with each element, and writes what it gives.
@inline(__always)
private func map<Source: BitwiseCopyable, Out: BitwiseCopyable>(
  _ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Out>, _ count: Int,
  _ body: (Source) -> Out
) {
  var index = 0
  while index < count {
    out[index] = body(
      source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Source>.stride, as: Source.self))
    index &+= 1
  }
}

func toFloats(
  _ source: UnsafeRawPointer, _ dtype: so_dtype, _ out: UnsafeMutablePointer<Float>, count: Int,
  dividesBy255: Bool
) {
  switch dtype {
  case SO_UINT8:
    if dividesBy255 {
      map(source, out, count) { (value: UInt8) in nearestShare(value) }
    } else {
      map(source, out, count) { (value: UInt8) in Float(Int32(value)) }
    }
  case SO_INT8: map(source, out, count) { (value: Int8) in Float(Int32(value)) }
  case SO_INT16: map(source, out, count) { (value: Int16) in Float(Int32(value)) }
  case SO_UINT16: map(source, out, count) { (value: UInt16) in Float(Int32(value)) }
  case SO_INT32: map(source, out, count) { (value: Int32) in Float(value) }
  case SO_UINT32: map(source, out, count) { (value: UInt32) in Float(value) }
  case SO_INT64: map(source, out, count) { (value: Int64) in Float(value) }
  case SO_UINT64: map(source, out, count) { (value: UInt64) in Float(value) }
  case SO_FLOAT16: map(source, out, count) { floatFromFloat16($0) }
  case SO_BFLOAT16: map(source, out, count) { floatFromBfloat16($0) }
  case SO_FLOAT64: map(source, out, count) { (value: Double) in Float(value) }
  default: map(source, out, count) { (value: Float) in value }
  }
}

/// The Float nearest to value / 255. 1/255 is 0x0.010101…: the first product is exact, and the
/// second one's rounding is too small to change the sum's, as all 256 values show. A division
/// takes twice as long.
@inline(__always)
private func nearestShare(_ value: UInt8) -> Float {
  let number = Float(Int32(value))
  return number * 0x1.01p-8 + number * 0x1.010102p-24
}

func toDoubles(
  _ source: UnsafeRawPointer, _ dtype: so_dtype, _ out: UnsafeMutablePointer<Double>, count: Int,
  dividesBy255: Bool
) {
  switch dtype {
  case SO_UINT8:
    if dividesBy255 {
      map(source, out, count) { (value: UInt8) in Double(Int32(value)) / 255 }
    } else {
      map(source, out, count) { (value: UInt8) in Double(Int32(value)) }
    }
  case SO_INT8: map(source, out, count) { (value: Int8) in Double(Int32(value)) }
  case SO_INT16: map(source, out, count) { (value: Int16) in Double(Int32(value)) }
  case SO_UINT16: map(source, out, count) { (value: UInt16) in Double(Int32(value)) }
  case SO_INT32: map(source, out, count) { (value: Int32) in Double(value) }
  case SO_UINT32: map(source, out, count) { (value: UInt32) in Double(value) }
  case SO_INT64: map(source, out, count) { (value: Int64) in Double(value) }
  case SO_UINT64: map(source, out, count) { (value: UInt64) in Double(value) }
  case SO_FLOAT16: map(source, out, count) { Double(floatFromFloat16($0)) }
  case SO_BFLOAT16: map(source, out, count) { Double(floatFromBfloat16($0)) }
  case SO_FLOAT32: map(source, out, count) { (value: Float) in Double(value) }
  default: map(source, out, count) { (value: Double) in value }
  }
}

/// To float16 or bfloat16, by way of floats. Where a Float can't hold the source it is rounded
/// to odd on the way, so that the second rounding has the same result as a single one would.
/// Only integers beyond 2^53 are rounded before that.
func toHalves(
  _ source: UnsafeRawPointer, _ dtype: so_dtype, _ out: UnsafeMutablePointer<UInt16>,
  _ outDtype: so_dtype, count: Int, dividesBy255: Bool
) {
  let size = elementSize(dtype)
  let isWide = size == 8 || dtype == so_dtype(SO_INT32) || dtype == so_dtype(SO_UINT32)
  // 1 KiB each: what stays on the stack.
  withUnsafeTemporaryAllocation(of: Double.self, capacity: run) { doubles in
    withUnsafeTemporaryAllocation(of: Float.self, capacity: run) { floats in
      guard let doubles = doubles.baseAddress, let floats = floats.baseAddress else { return }
      var start = 0
      while start < count {
        let length = count &- start < run ? count &- start : run
        let part = source + start &* size
        if isWide {
          toDoubles(part, dtype, doubles, count: length, dividesBy255: false)
          roundToOdd(doubles, length, into: floats)
        } else {
          toFloats(part, dtype, floats, count: length, dividesBy255: dividesBy255)
        }
        if outDtype == so_dtype(SO_BFLOAT16) {
          map(UnsafeRawPointer(floats), out + start, length) { bfloat16Nearest($0) }
        } else {
          map(UnsafeRawPointer(floats), out + start, length) { float16Nearest($0) }
        }
        start &+= length
      }
    }
  }
}

private let run = 128

/// To an integer that can hold all values of the source's dtype.
@inline(__always)
func widen<Out: FixedWidthInteger & BitwiseCopyable>(
  _ source: UnsafeRawPointer, _ dtype: so_dtype, _ out: UnsafeMutablePointer<Out>, count: Int
) {
  switch dtype {
  case SO_UINT8: map(source, out, count) { (value: UInt8) in Out(truncatingIfNeeded: value) }
  case SO_INT8: map(source, out, count) { (value: Int8) in Out(truncatingIfNeeded: value) }
  case SO_INT16: map(source, out, count) { (value: Int16) in Out(truncatingIfNeeded: value) }
  case SO_UINT16: map(source, out, count) { (value: UInt16) in Out(truncatingIfNeeded: value) }
  case SO_UINT32: map(source, out, count) { (value: UInt32) in Out(truncatingIfNeeded: value) }
  case SO_INT64: map(source, out, count) { (value: Int64) in Out(truncatingIfNeeded: value) }
  case SO_UINT64: map(source, out, count) { (value: UInt64) in Out(truncatingIfNeeded: value) }
  default: map(source, out, count) { (value: Int32) in Out(truncatingIfNeeded: value) }
  }
}
