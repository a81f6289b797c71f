import CSwiftOpt
import SwiftOptEngine
import SwiftOptOptimizers
import SwiftOptShims

@c @implementation
public func so_blas_set(
  _ sgemm: UnsafeRawPointer?, _ dgemm: UnsafeRawPointer?, _ integer_bits: Int32
) -> so_status {
  guard (sgemm == nil) == (dgemm == nil) else {
    return fail(.plan("sgemm and dgemm must be both NULL or both given"))
  }
  guard sgemm == nil || integer_bits == 32 || integer_bits == 64 else {
    return fail(.argument("integer_bits", Double(integer_bits), "32 or 64"))
  }
  guard so_blas_store(sgemm, dgemm, integer_bits) != 0 else {
    return fail(.plan("there is no memory for the pointers"))
  }
  return so_status(SO_OK)
}

@c @implementation
public func so_blas_is_set() -> Int32 { so_blas_is_available() }
