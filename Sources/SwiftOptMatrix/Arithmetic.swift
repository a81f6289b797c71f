import SwiftOptShims

/// How a product is computed: in what its operands are packed, and in what it sums up.
///
/// A *step* is what one row of A or one column of B brings in at a time: a number, or for the
/// bfloat16 dot product two neighbours of the depth. Vectors are the level's widest.
protocol Arithmetic {
  associatedtype Step: BitwiseCopyable
  associatedtype Steps: BitwiseCopyable
  associatedtype Sum: SumScalar & Element
  /// An element as part of a step.
  associatedtype Part: BitwiseCopyable

  /// Whether there are products of operands in these dtypes.
  static var multipliesFloat32: Bool { get }
  static var multipliesBFloat16: Bool { get }

  /// Numbers of the depth in a step.
  static var stepDepth: Int { get }
  static func loadSteps(_ source: UnsafePointer<Step>) -> Steps
  /// `sums + a · b` in every lane, where a step of pairs is the sum of two products.
  static func multiplyAdd(_ a: Step, _ b: Steps, _ sums: Sum.Vector) -> Sum.Vector

  static var noPart: Part { get }
  static func part<Source: Element>(_ element: Source) -> Part
  /// A step of the depth; the second part counts only in pairs.
  static func step(_ first: Part, _ second: Part) -> Step
  /// The same for sixteen neighbouring lanes. False: there is no faster way than one by one.
  static func packSixteen<Source: Element>(
    _ first: UnsafePointer<Source>, _ second: UnsafePointer<Source>,
    to target: UnsafeMutablePointer<Step>
  ) -> Bool
}

extension Arithmetic {
  /// Numbers in a vector.
  @inline(__always)
  static var lanes: Int { Sum.lanes }

  /// Columns of a tile, and of a packed panel of B.
  @inline(__always)
  static var tileColumns: Int { 2 &* lanes }

  @inline(__always)
  static var stepBytes: Int { MemoryLayout<Step>.size }

  /// Steps in so much depth.
  @inline(__always)
  static func steps(_ depth: Int) -> Int { (depth &+ stepDepth &- 1) / stepDepth }
}

/// float32 products, rounded once where the level has fused multiply-adds.
enum Float32Arithmetic: Arithmetic {
  typealias Sum = Float

  @inline(__always)
  static var multipliesFloat32: Bool { true }
  @inline(__always)
  static var multipliesBFloat16: Bool { !hasBFloat16Dot }
  @inline(__always)
  static var stepDepth: Int { 1 }
  @inline(__always)
  static func loadSteps(_ source: UnsafePointer<Float>) -> so_matrix_float {
    so_matrix_load_float(source)
  }
  @inline(__always)
  static func multiplyAdd(_ a: Float, _ b: so_matrix_float, _ sums: so_matrix_float)
    -> so_matrix_float
  { so_matrix_multiply_add_float(a, b, sums) }

  @inline(__always)
  static var noPart: Float { 0 }
  @inline(__always)
  static func part<Source: Element>(_ element: Source) -> Float { element.float }
  @inline(__always)
  static func step(_ first: Float, _ second: Float) -> Float { first }
  @inline(__always)
  static func packSixteen<Source: Element>(
    _ first: UnsafePointer<Source>, _ second: UnsafePointer<Source>,
    to target: UnsafeMutablePointer<Float>
  ) -> Bool {
    if Source.self == Float.self {
      so_matrix_copy16(first, target)
    } else {
      so_matrix_store_upper16(Source.sixteenHalves(first), target)
    }
    return true
  }
}

/// float64 products.
enum Float64Arithmetic: Arithmetic {
  typealias Sum = Double

  @inline(__always)
  static var multipliesFloat32: Bool { true }
  @inline(__always)
  static var multipliesBFloat16: Bool { true }
  @inline(__always)
  static var stepDepth: Int { 1 }
  @inline(__always)
  static func loadSteps(_ source: UnsafePointer<Double>) -> so_matrix_double {
    so_matrix_load_double(source)
  }
  @inline(__always)
  static func multiplyAdd(_ a: Double, _ b: so_matrix_double, _ sums: so_matrix_double)
    -> so_matrix_double
  { so_matrix_multiply_add_double(a, b, sums) }

  @inline(__always)
  static var noPart: Double { 0 }
  @inline(__always)
  static func part<Source: Element>(_ element: Source) -> Double { element.double }
  @inline(__always)
  static func step(_ first: Double, _ second: Double) -> Double { first }
  @inline(__always)
  static func packSixteen<Source: Element>(
    _ first: UnsafePointer<Source>, _ second: UnsafePointer<Source>,
    to target: UnsafeMutablePointer<Double>
  ) -> Bool {
    guard Source.self == Double.self else { return false }
    so_matrix_copy16(first, target)
    so_matrix_copy16(first + 8, target + 8)
    return true
  }
}

#if SWIFTOPT_AVX512BF16
  @inline(__always)
  private var hasBFloat16Dot: Bool { true }

  /// bfloat16 products by the dot product of pairs, summed up in float32.
  enum BFloat16Arithmetic: Arithmetic {
    typealias Sum = Float

    @inline(__always)
    static var multipliesFloat32: Bool { false }
    @inline(__always)
    static var multipliesBFloat16: Bool { true }
    @inline(__always)
    static var stepDepth: Int { 2 }
    @inline(__always)
    static func loadSteps(_ source: UnsafePointer<UInt32>) -> so_matrix_pairs {
      so_matrix_load_pairs(source)
    }
    @inline(__always)
    static func multiplyAdd(_ a: UInt32, _ b: so_matrix_pairs, _ sums: so_matrix_float)
      -> so_matrix_float
    { so_matrix_add_dot(a, b, sums) }

    @inline(__always)
    static var noPart: UInt16 { 0 }
    @inline(__always)
    static func part<Source: Element>(_ element: Source) -> UInt16 { element.bfloat16 }
    @inline(__always)
    static func step(_ first: UInt16, _ second: UInt16) -> UInt32 {
      UInt32(first) | UInt32(second) << 16
    }
    @inline(__always)
    static func packSixteen<Source: Element>(
      _ first: UnsafePointer<Source>, _ second: UnsafePointer<Source>,
      to target: UnsafeMutablePointer<UInt32>
    ) -> Bool {
      so_matrix_store_pairs16(Source.sixteenHalves(first), Source.sixteenHalves(second), target)
      return true
    }
  }
#else
  @inline(__always)
  private var hasBFloat16Dot: Bool { false }

  /// Without the instruction, what is packed is already float32.
  typealias BFloat16Arithmetic = Float32Arithmetic
#endif
