import SwiftOptShims

/// What the elements of a matrix are in memory.
protocol Element: BitwiseCopyable {
  init<Scalar: SumScalar>(nearest value: Scalar)
  /// The upper half of the float32 that is nearest among those with a lower half of 0.
  var bfloat16: UInt16 { get }
  var float: Float { get }
  var double: Double { get }

  /// `bfloat16` of sixteen.
  static func sixteenHalves(_ source: UnsafePointer<Self>) -> so_matrix_16
  /// A vector of sums from or to memory.
  static func decode<Sum: SumScalar>(_ sum: Sum.Type, _ source: UnsafePointer<Self>) -> Sum.Vector
  static func encode<Sum: SumScalar>(
    _ sum: Sum.Type, _ vector: Sum.Vector, to target: UnsafeMutablePointer<Self>)
}

extension Element {
  @inline(__always)
  static func sixteenHalves(_ source: UnsafePointer<Self>) -> so_matrix_16 { so_matrix_16() }

  /// One by one, where types differ for which there is no vector.
  @inline(never)
  static func decodeEach<Sum: SumScalar>(_ sum: Sum.Type, _ source: UnsafePointer<Self>)
    -> Sum.Vector
  {
    withUnsafeTemporaryAllocation(of: Sum.self, capacity: Sum.lanes) { buffer in
      let sums = buffer.baseAddress!
      for lane in 0..<Sum.lanes { sums[lane] = Sum(source[lane].double) }
      return Sum.load(sums)
    }
  }

  @inline(never)
  static func encodeEach<Sum: SumScalar>(
    _ sum: Sum.Type, _ vector: Sum.Vector, to target: UnsafeMutablePointer<Self>
  ) {
    withUnsafeTemporaryAllocation(of: Sum.self, capacity: Sum.lanes) { buffer in
      let sums = buffer.baseAddress!
      Sum.store(vector, to: sums)
      for lane in 0..<Sum.lanes { target[lane] = Self(nearest: sums[lane]) }
    }
  }
}

extension Float: Element {
  @inline(__always)
  init<Scalar: SumScalar>(nearest value: Scalar) { self = Float(value) }

  @inline(__always)
  var bfloat16: UInt16 {
    let bits = bitPattern
    // What is not a number is made quiet: rounding could make infinity of it.
    let isNaN = bits & 0x7FFF_FFFF > 0x7F80_0000
    let rounded = bits &+ (0x7FFF &+ ((bits >> 16) & 1))
    return UInt16(truncatingIfNeeded: (isNaN ? bits | 0x0040_0000 : rounded) >> 16)
  }

  @inline(__always)
  static func decode<Sum: SumScalar>(_ sum: Sum.Type, _ source: UnsafePointer<Float>) -> Sum.Vector
  {
    if Sum.self == Float.self {
      unsafeBitCast(so_matrix_load_float(source), to: Sum.Vector.self)
    } else {
      decodeEach(sum, source)
    }
  }

  @inline(__always)
  static func encode<Sum: SumScalar>(
    _ sum: Sum.Type, _ vector: Sum.Vector, to target: UnsafeMutablePointer<Float>
  ) {
    if Sum.self == Float.self {
      so_matrix_store_float(unsafeBitCast(vector, to: so_matrix_float.self), target)
    } else {
      encodeEach(sum, vector, to: target)
    }
  }
}

extension Double: Element {
  @inline(__always)
  init<Scalar: SumScalar>(nearest value: Scalar) { self = value.double }
  @inline(__always)
  var bfloat16: UInt16 { float.bfloat16 }

  @inline(__always)
  static func decode<Sum: SumScalar>(_ sum: Sum.Type, _ source: UnsafePointer<Double>) -> Sum.Vector
  {
    if Sum.self == Double.self {
      unsafeBitCast(so_matrix_load_double(source), to: Sum.Vector.self)
    } else {
      decodeEach(sum, source)
    }
  }

  @inline(__always)
  static func encode<Sum: SumScalar>(
    _ sum: Sum.Type, _ vector: Sum.Vector, to target: UnsafeMutablePointer<Double>
  ) {
    if Sum.self == Double.self {
      so_matrix_store_double(unsafeBitCast(vector, to: so_matrix_double.self), target)
    } else {
      encodeEach(sum, vector, to: target)
    }
  }
}

struct BFloat16: Element {
  let bfloat16: UInt16

  @inline(__always)
  init<Scalar: SumScalar>(nearest value: Scalar) { bfloat16 = value.float.bfloat16 }
  @inline(__always)
  var float: Float { Float(bitPattern: UInt32(bfloat16) << 16) }
  @inline(__always)
  var double: Double { Double(float) }

  @inline(__always)
  static func sixteenHalves(_ source: UnsafePointer<BFloat16>) -> so_matrix_16 {
    so_matrix_widen16(UnsafeRawPointer(source).assumingMemoryBound(to: UInt16.self))
  }

  @inline(__always)
  static func decode<Sum: SumScalar>(_ sum: Sum.Type, _ source: UnsafePointer<BFloat16>)
    -> Sum.Vector
  {
    if Sum.self == Float.self {
      let bits = UnsafeRawPointer(source).assumingMemoryBound(to: UInt16.self)
      return unsafeBitCast(so_matrix_load_bfloat16(bits), to: Sum.Vector.self)
    } else {
      return decodeEach(sum, source)
    }
  }

  @inline(__always)
  static func encode<Sum: SumScalar>(
    _ sum: Sum.Type, _ vector: Sum.Vector, to target: UnsafeMutablePointer<BFloat16>
  ) {
    if Sum.self == Float.self {
      so_matrix_store_bfloat16(
        unsafeBitCast(vector, to: so_matrix_float.self),
        UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt16.self))
    } else {
      encodeEach(sum, vector, to: target)
    }
  }
}

/// A float32 number that takes part in a bfloat16 product; never what a product gives.
struct RoundedFloat: Element {
  let value: Float

  @inline(__always)
  init<Scalar: SumScalar>(nearest value: Scalar) { self.value = Float(value) }
  @inline(__always)
  var bfloat16: UInt16 { value.bfloat16 }
  @inline(__always)
  var float: Float { Float(bitPattern: UInt32(value.bfloat16) << 16) }
  @inline(__always)
  var double: Double { Double(float) }

  @inline(__always)
  static func sixteenHalves(_ source: UnsafePointer<RoundedFloat>) -> so_matrix_16 {
    so_matrix_round16(UnsafeRawPointer(source).assumingMemoryBound(to: Float.self))
  }

  @inline(__always)
  static func decode<Sum: SumScalar>(_ sum: Sum.Type, _ source: UnsafePointer<RoundedFloat>)
    -> Sum.Vector
  {
    decodeEach(sum, source)
  }

  @inline(__always)
  static func encode<Sum: SumScalar>(
    _ sum: Sum.Type, _ vector: Sum.Vector, to target: UnsafeMutablePointer<RoundedFloat>
  ) { encodeEach(sum, vector, to: target) }
}
