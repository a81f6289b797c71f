import CSwiftOpt

/// Numbers in memory as one of the dtypes that parameters and gradients may have, by the
/// language's own conversions and `HalfFormat`.
public enum StoredNumbers {
  public static func size(_ dtype: so_dtype) -> Int {
    switch Int(dtype) {
    case SO_FLOAT64: 8
    case SO_FLOAT32: 4
    default: 2
    }
  }

  /// Rounds to the nearest.
  public static func write(_ values: [Double], _ base: UnsafeMutableRawPointer, _ dtype: so_dtype) {
    for (index, value) in values.enumerated() {
      switch Int(dtype) {
      case SO_FLOAT64: base.storeBytes(of: value, toByteOffset: 8 * index, as: Double.self)
      case SO_FLOAT32: base.storeBytes(of: Float(value), toByteOffset: 4 * index, as: Float.self)
      default:
        base.storeBytes(of: half(value, dtype), toByteOffset: 2 * index, as: UInt16.self)
      }
    }
  }

  public static func read(_ base: UnsafeRawPointer?, _ count: Int, _ dtype: so_dtype) -> [Double] {
    (0..<count).map { index in
      switch Int(dtype) {
      case SO_FLOAT64: base!.loadUnaligned(fromByteOffset: 8 * index, as: Double.self)
      case SO_FLOAT32: Double(base!.loadUnaligned(fromByteOffset: 4 * index, as: Float.self))
      default:
        format(dtype).value(base!.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
      }
    }
  }

  /// The numbers as they are after having been stored.
  public static func rounded(_ values: [Double], _ dtype: so_dtype) -> [Double] {
    var bytes = [UInt8](repeating: 0, count: values.count * size(dtype))
    return bytes.withUnsafeMutableBytes { bytes in
      if let base = bytes.baseAddress { write(values, base, dtype) }
      return read(bytes.baseAddress, values.count, dtype)
    }
  }

  public static func format(_ dtype: so_dtype) -> HalfFormat {
    dtype == so_dtype(SO_FLOAT16) ? .float16 : .bfloat16
  }

  private static func half(_ value: Double, _ dtype: so_dtype) -> UInt16 {
    // A bfloat16 is the upper half of a float32.
    dtype == so_dtype(SO_FLOAT16)
      ? Float16(HalfFormat.float16.nearest(value)).bitPattern
      : UInt16(Float(HalfFormat.bfloat16.nearest(value)).bitPattern >> 16)
  }
}

/// Stored numbers between forbidden pages.
public final class GuardedNumbers {
  public let dtype: so_dtype
  public let count: Int
  public let raw: UnsafeMutableRawPointer
  private let buffer: GuardedBuffer<UInt8>

  public init(_ values: [Double], _ dtype: Int, _ placement: Placement) {
    self.dtype = so_dtype(dtype)
    count = values.count
    let size = StoredNumbers.size(self.dtype)
    // A misaligned buffer begins one byte late, an array one element.
    let shift = placement == .misaligned ? size - 1 : 0
    buffer = GuardedBuffer(repeating: 0, count: shift + count * size, placement)
    raw = buffer.raw + shift
    StoredNumbers.write(values, raw, self.dtype)
  }

  public var values: [Double] { StoredNumbers.read(raw, count, dtype) }
}
