import CSwiftOpt

/// Bytes of one element; a code of an 8-bit block is one byte.
func elementSize(_ dtype: Int32) -> Int {
  switch dtype {
  case SO_FLOAT64: 8
  case SO_FLOAT32: 4
  case SO_FLOAT16, SO_BFLOAT16: 2
  default: 1
  }
}

/// Lets `switch` compare a tag with C's constants, which Swift sees as `Int`.
@inline(__always)
func ~= (constant: Int, tag: Int32) -> Bool { tag == constant }
