import CSwiftOpt

/// Lets `switch` compare a tag with C's constants, which Swift sees as `Int`.
@inline(__always)
func ~= (constant: Int, tag: Int32) -> Bool { tag == constant }

/// Bytes of one element; 0 if a field can't have this dtype.
func elementSize(_ dtype: so_dtype) -> Int {
  switch dtype {
  case SO_FLOAT64, SO_INT64, SO_UINT64: 8
  case SO_FLOAT32, SO_INT32, SO_UINT32: 4
  case SO_FLOAT16, SO_BFLOAT16, SO_INT16, SO_UINT16: 2
  case SO_UINT8, SO_INT8: 1
  default: 0
  }
}

func isFloatingPoint(_ dtype: so_dtype) -> Bool {
  dtype >= so_dtype(SO_FLOAT32) && dtype <= so_dtype(SO_BFLOAT16)
}

/// Whether so_data_field allows the conversion.
func isConvertible(_ dtype: so_dtype, to out: so_dtype) -> Bool {
  if dtype == out || isFloatingPoint(out) { return true }
  switch out {
  case SO_INT64:
    return !isFloatingPoint(dtype) && dtype != so_dtype(SO_UINT64)
  case SO_INT32:
    return dtype == so_dtype(SO_UINT8) || dtype == so_dtype(SO_INT8)
      || dtype == so_dtype(SO_INT16) || dtype == so_dtype(SO_UINT16)
  default:
    return false
  }
}
