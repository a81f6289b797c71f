import CSwiftOpt
import SwiftOptShims

// The one symbol of each level that the rest of the library may see.

#if SWIFTOPT_AVX512
  @c @implementation
  public func so_kernels_avx512(_ out: UnsafeMutablePointer<so_kernels>) { fill(out) }
#elseif SWIFTOPT_AVX2
  @c @implementation
  public func so_kernels_avx2(_ out: UnsafeMutablePointer<so_kernels>) { fill(out) }
#else
  @c @implementation
  public func so_kernels_baseline(_ out: UnsafeMutablePointer<so_kernels>) { fill(out) }
#endif

@inline(__always)
func fill(_ table: UnsafeMutablePointer<so_kernels>) {
  table.pointee = so_kernels(
    update: { updateRun($0) },
    accumulate: { accumulateRun($0.pointee) },
    square_sum: { squareSum(dtype: $0, gradientDtype: $1, gradient: $2, count: Int($3)) },
    zero: { zero($0, Int($1)) },
    decode: { decode($0.pointee, dtype: $1, into: $2) },
    encode: { encode($2, dtype: $1, into: $0.pointee) },
    cast: { cast($0.pointee, to: $1.pointee) },
    factor_sums: { factorSums($0) })
}
