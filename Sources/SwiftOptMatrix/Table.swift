import CSwiftOpt
import SwiftOptShims

// The one symbol of each level that the rest of the library may see.

#if SWIFTOPT_AVX512BF16
  @c @implementation
  public func so_matrix_avx512bf16(_ out: UnsafeMutablePointer<so_matrix_functions>) { fill(out) }
#elseif SWIFTOPT_AVX512
  @c @implementation
  public func so_matrix_avx512(_ out: UnsafeMutablePointer<so_matrix_functions>) { fill(out) }
#elseif SWIFTOPT_AVX2
  @c @implementation
  public func so_matrix_avx2(_ out: UnsafeMutablePointer<so_matrix_functions>) { fill(out) }
#else
  @c @implementation
  public func so_matrix_baseline(_ out: UnsafeMutablePointer<so_matrix_functions>) { fill(out) }
#endif

@inline(__always)
func fill(_ table: UnsafeMutablePointer<so_matrix_functions>) {
  table.pointee = so_matrix_functions(
    workspace_size: { workspaceSize($0.pointee) },
    multiply: { multiply($0) },
    packed_size: { packedSize($0.pointee) },
    pack: { pack($0.pointee, into: $1) })
}
