import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// An element type of matrix products, with the level's widest vector of it.
protocol GemmScalar: RealScalar {
  associatedtype Vector: BitwiseCopyable

  static var zeros: Vector { get }
  static func load(_ source: UnsafePointer<Self>) -> Vector
  static func store(_ vector: Vector, to target: UnsafeMutablePointer<Self>)
  /// `sum + a * b`, rounded once at the levels that have the instruction for it.
  static func multiplyAdd(_ a: Self, _ b: Vector, _ sum: Vector) -> Vector
  /// `a * b`, and `a + b` of two vectors: each rounded by itself.
  static func scale(_ a: Self, _ b: Vector) -> Vector
  static func sum(_ a: Vector, _ b: Vector) -> Vector

  /// `accumulateTile`, as a function of its own.
  static func multiplyTile(
    _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, depth: Int,
    into tile: UnsafeMutablePointer<Self>)
}

extension GemmScalar {
  @inline(__always)
  static var lanes: Int { MemoryLayout<Vector>.size / MemoryLayout<Self>.size }
}

extension Float: GemmScalar {
  @inline(__always)
  static var zeros: so_gemm_float { so_gemm_float() }

  @inline(__always)
  static func load(_ source: UnsafePointer<Float>) -> so_gemm_float { so_gemm_load_float(source) }

  @inline(__always)
  static func store(_ vector: so_gemm_float, to target: UnsafeMutablePointer<Float>) {
    so_gemm_store_float(vector, target)
  }

  @inline(__always)
  static func multiplyAdd(_ a: Float, _ b: so_gemm_float, _ sum: so_gemm_float) -> so_gemm_float {
    so_gemm_multiply_add_float(a, b, sum)
  }

  @inline(__always)
  static func scale(_ a: Float, _ b: so_gemm_float) -> so_gemm_float { so_gemm_scale_float(a, b) }

  @inline(__always)
  static func sum(_ a: so_gemm_float, _ b: so_gemm_float) -> so_gemm_float {
    so_gemm_sum_float(a, b)
  }

  @inline(__always)
  static func multiplyTile(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, depth: Int,
    into tile: UnsafeMutablePointer<Float>
  ) { gemmTileFloat(a, b, depth, tile) }
}

extension Double: GemmScalar {
  @inline(__always)
  static var zeros: so_gemm_double { so_gemm_double() }

  @inline(__always)
  static func load(_ source: UnsafePointer<Double>) -> so_gemm_double {
    so_gemm_load_double(source)
  }

  @inline(__always)
  static func store(_ vector: so_gemm_double, to target: UnsafeMutablePointer<Double>) {
    so_gemm_store_double(vector, target)
  }

  @inline(__always)
  static func multiplyAdd(_ a: Double, _ b: so_gemm_double, _ sum: so_gemm_double)
    -> so_gemm_double
  { so_gemm_multiply_add_double(a, b, sum) }

  @inline(__always)
  static func scale(_ a: Double, _ b: so_gemm_double) -> so_gemm_double {
    so_gemm_scale_double(a, b)
  }

  @inline(__always)
  static func sum(_ a: so_gemm_double, _ b: so_gemm_double) -> so_gemm_double {
    so_gemm_sum_double(a, b)
  }

  @inline(__always)
  static func multiplyTile(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, depth: Int,
    into tile: UnsafeMutablePointer<Double>
  ) { gemmTileDouble(a, b, depth, tile) }
}
