import SwiftOptMath
import SwiftOptShims

/// What sums are, `Float` or `Double`, and vectors of them.
protocol SumScalar: ElementaryNumber, BitwiseCopyable {
  associatedtype Vector: BitwiseCopyable

  init(_ value: Float)
  init(_ value: Double)
  var float: Float { get }
  var double: Double { get }

  static var zeros: Vector { get }
  static func load(_ source: UnsafePointer<Self>) -> Vector
  static func store(_ vector: Vector, to target: UnsafeMutablePointer<Self>)
  static func scale(_ factor: Self, _ vector: Vector) -> Vector
  static func add(_ a: Vector, _ b: Vector) -> Vector
  static func multiply(_ a: Vector, _ b: Vector) -> Vector
  /// 0 where `gate` is 0 or below.
  static func keep(_ vector: Vector, where gate: Vector) -> Vector
  /// A float64 sum for each number of a vector.
  associatedtype ColumnSums: BitwiseCopyable
  static var noColumns: ColumnSums { get }
  static func loadColumns(_ source: UnsafePointer<Double>) -> ColumnSums
  static func storeColumns(_ sums: ColumnSums, to target: UnsafeMutablePointer<Double>)
  /// The sums and a vector's numbers, or their squares.
  static func addColumns(_ vector: Vector, _ sums: ColumnSums) -> ColumnSums
  static func addSquares(_ vector: Vector, _ sums: ColumnSums) -> ColumnSums
}

extension SumScalar {
  /// Numbers in a vector.
  @inline(__always)
  static var lanes: Int { MemoryLayout<Vector>.size / MemoryLayout<Self>.size }
}

extension Float: SumScalar {
  @inline(__always)
  var float: Float { self }
  @inline(__always)
  var double: Double { Double(self) }

  @inline(__always)
  static var zeros: so_matrix_float { so_matrix_float() }
  @inline(__always)
  static func load(_ source: UnsafePointer<Float>) -> so_matrix_float {
    so_matrix_load_float(source)
  }
  @inline(__always)
  static func store(_ vector: so_matrix_float, to target: UnsafeMutablePointer<Float>) {
    so_matrix_store_float(vector, target)
  }
  @inline(__always)
  static func scale(_ factor: Float, _ vector: so_matrix_float) -> so_matrix_float {
    so_matrix_scale_float(factor, vector)
  }
  @inline(__always)
  static func add(_ a: so_matrix_float, _ b: so_matrix_float) -> so_matrix_float {
    so_matrix_add_float(a, b)
  }
  @inline(__always)
  static func multiply(_ a: so_matrix_float, _ b: so_matrix_float) -> so_matrix_float {
    so_matrix_multiply_float(a, b)
  }
  @inline(__always)
  static func keep(_ vector: so_matrix_float, where gate: so_matrix_float) -> so_matrix_float {
    so_matrix_keep_float(vector, gate)
  }
  @inline(__always)
  static var noColumns: so_matrix_doubles { so_matrix_doubles() }
  @inline(__always)
  static func loadColumns(_ source: UnsafePointer<Double>) -> so_matrix_doubles {
    so_matrix_load_doubles(source)
  }
  @inline(__always)
  static func storeColumns(_ sums: so_matrix_doubles, to target: UnsafeMutablePointer<Double>) {
    so_matrix_store_doubles(sums, target)
  }
  @inline(__always)
  static func addColumns(_ vector: so_matrix_float, _ sums: so_matrix_doubles) -> so_matrix_doubles
  {
    so_matrix_add_columns_float(vector, sums)
  }
  @inline(__always)
  static func addSquares(_ vector: so_matrix_float, _ sums: so_matrix_doubles) -> so_matrix_doubles
  {
    so_matrix_add_squares_float(vector, sums)
  }
}

extension Double: SumScalar {
  /// Rounded to odd where it isn't exact, so that rounding to fewer bits afterwards gives what
  /// rounding at once gives (Boldo & Melquiond 2008, "Emulation of FMA and correctly rounded
  /// sums: proved algorithms using rounding to odd").
  @inline(__always)
  var float: Float {
    let nearest = Float(self)
    let back = Double(nearest)
    let isFurther = back.magnitude > magnitude
    let towardZero = nearest.bitPattern &- (isFurther ? 1 : 0)
    return Float(bitPattern: towardZero | (back != self ? 1 : 0))
  }
  @inline(__always)
  var double: Double { self }

  @inline(__always)
  static var zeros: so_matrix_double { so_matrix_double() }
  @inline(__always)
  static func load(_ source: UnsafePointer<Double>) -> so_matrix_double {
    so_matrix_load_double(source)
  }
  @inline(__always)
  static func store(_ vector: so_matrix_double, to target: UnsafeMutablePointer<Double>) {
    so_matrix_store_double(vector, target)
  }
  @inline(__always)
  static func scale(_ factor: Double, _ vector: so_matrix_double) -> so_matrix_double {
    so_matrix_scale_double(factor, vector)
  }
  @inline(__always)
  static func add(_ a: so_matrix_double, _ b: so_matrix_double) -> so_matrix_double {
    so_matrix_add_double(a, b)
  }
  @inline(__always)
  static func multiply(_ a: so_matrix_double, _ b: so_matrix_double) -> so_matrix_double {
    so_matrix_multiply_double(a, b)
  }
  @inline(__always)
  static func keep(_ vector: so_matrix_double, where gate: so_matrix_double) -> so_matrix_double {
    so_matrix_keep_double(vector, gate)
  }
  @inline(__always)
  static var noColumns: so_matrix_double { so_matrix_double() }
  @inline(__always)
  static func loadColumns(_ source: UnsafePointer<Double>) -> so_matrix_double {
    so_matrix_load_double(source)
  }
  @inline(__always)
  static func storeColumns(_ sums: so_matrix_double, to target: UnsafeMutablePointer<Double>) {
    so_matrix_store_double(sums, target)
  }
  @inline(__always)
  static func addColumns(_ vector: so_matrix_double, _ sums: so_matrix_double) -> so_matrix_double {
    so_matrix_add_columns_double(vector, sums)
  }
  @inline(__always)
  static func addSquares(_ vector: so_matrix_double, _ sums: so_matrix_double) -> so_matrix_double {
    so_matrix_add_squares_double(vector, sums)
  }
}
