import SwiftOptShims

/// What pixels are read from: bytes, or what bytes have become.
protocol SourcePixel: BitwiseCopyable {
  var value: Float { get }
  /// Sixteen neighbours.
  static func load16(_ source: UnsafePointer<Self>) -> SIMD16<Float>
  /// Whether a pixel map's `rest` counts, as it does for what comes from bytes.
  static var hasRest: Bool { get }
  /// Floats between such pixels.
  associatedtype Blended: SourcePixel
}

extension UInt8: SourcePixel {
  @inline(__always) var value: Float { Float(self) }
  @inline(__always)
  static func load16(_ source: UnsafePointer<UInt8>) -> SIMD16<Float> { so_load_bytes16(source) }
  @inline(__always) static var hasRest: Bool { true }
  typealias Blended = BlendedByte
}

/// A number in 0 ... 255 that need not be whole.
struct BlendedByte: SourcePixel {
  let value: Float

  @inline(__always)
  static func load16(_ source: UnsafePointer<BlendedByte>) -> SIMD16<Float> {
    so_load_float16(UnsafeRawPointer(source).assumingMemoryBound(to: Float.self))
  }
  @inline(__always) static var hasRest: Bool { true }
  typealias Blended = BlendedByte
}

extension Float: SourcePixel {
  @inline(__always) var value: Float { self }
  @inline(__always)
  static func load16(_ source: UnsafePointer<Float>) -> SIMD16<Float> { so_load_float16(source) }
  @inline(__always) static var hasRest: Bool { false }
  typealias Blended = Float
}

/// What pixels are written to.
protocol TargetPixel: BitwiseCopyable {
  init(rounding value: Float)
  static func store16(_ values: SIMD16<Float>, _ target: UnsafeMutablePointer<Self>)
}

extension UInt8: TargetPixel {
  @inline(__always)
  init(rounding value: Float) {
    let positive = value > 0 ? value : 0
    self = UInt8(truncatingIfNeeded: so_truncate((positive < 255 ? positive : 255) + 0.5))
  }
  @inline(__always)
  static func store16(_ values: SIMD16<Float>, _ target: UnsafeMutablePointer<UInt8>) {
    so_store_places16(so_round_byte16(values), target)
  }
}

extension Float: TargetPixel {
  @inline(__always) init(rounding value: Float) { self = value }
  @inline(__always)
  static func store16(_ values: SIMD16<Float>, _ target: UnsafeMutablePointer<Float>) {
    so_store_float16(values, target)
  }
}

extension Double: TargetPixel {
  @inline(__always) init(rounding value: Float) { self = Double(value) }
  @inline(__always)
  static func store16(_ values: SIMD16<Float>, _ target: UnsafeMutablePointer<Double>) {
    so_store_double16(so_widen_float16(values), target)
  }
}

/// The upper half of a `Float`.
struct BFloat16Pixel: TargetPixel {
  var bits: UInt16

  @inline(__always) init(rounding value: Float) { bits = bfloat16Nearest(value) }
  @inline(__always) var value: Float { floatFromBfloat16(bits) }
  @inline(__always)
  static func store16(_ values: SIMD16<Float>, _ target: UnsafeMutablePointer<BFloat16Pixel>) {
    so_store_bfloat16(values, UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt16.self))
  }
}
