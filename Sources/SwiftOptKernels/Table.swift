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
    update: { updateTile($0.pointee) },
    prepare: { prepareTile($0.pointee) },
    square_sum: { squareSum(dtype: $0, gradientDtype: $1, gradient: $2, count: Int($3)) })
}
