/// What images of a batch are stored in when they are mixed.
protocol MixedPixel: BitwiseCopyable {
  associatedtype Number: BinaryFloatingPoint
  var number: Number { get }
  init(number: Number)
}

extension Float: MixedPixel {
  @inline(__always) var number: Float { self }
  @inline(__always) init(number: Float) { self = number }
}

extension Double: MixedPixel {
  @inline(__always) var number: Double { self }
  @inline(__always) init(number: Double) { self = number }
}

extension BFloat16Pixel: MixedPixel {
  @inline(__always) var number: Float { value }
  @inline(__always) init(number: Float) { self.init(rounding: number) }
}

/// Bytes only change places.
extension UInt8: MixedPixel {
  @inline(__always) var number: Float { Float(self) }
  @inline(__always) init(number: Float) { self.init(rounding: number) }
}
