import CSwiftOpt

/// A 16-bit floating-point format by its definition, in float64 arithmetic that is exact for it.
public struct HalfFormat: Sendable {
  public let dtype: Int
  public let mantissaBits: Int
  /// The exponent of the least normal number.
  public let leastExponent: Int

  public static let float16 = HalfFormat(dtype: SO_FLOAT16, mantissaBits: 10, leastExponent: -14)
  public static let bfloat16 = HalfFormat(dtype: SO_BFLOAT16, mantissaBits: 7, leastExponent: -126)
  public static let all = [float16, bfloat16]

  public var infinity: UInt16 { 0x8000 - 1 << mantissaBits }
  public var greatest: Double { value(infinity - 1) }
  public var quietBit: UInt16 { 1 << (mantissaBits - 1) }

  /// What a bit pattern stands for.
  public func value(_ bits: UInt16) -> Double {
    let magnitude = bits & 0x7FFF
    let fraction = Double(magnitude & (1 << mantissaBits - 1)) * exp2(-mantissaBits)
    let exponent = Int(magnitude >> mantissaBits)
    let sign: Double = bits & 0x8000 == 0 ? 1 : -1
    if magnitude > infinity { return .nan }
    if magnitude == infinity { return sign * .infinity }
    return exponent == 0
      ? sign * fraction * exp2(leastExponent)
      : sign * (1 + fraction) * exp2(leastExponent + exponent - 1)
  }

  /// The distance of neighbours where a number lies.
  public func spacing(at value: Double) -> Double {
    let exponent = value == 0 ? leastExponent : max(Int(value.exponent), leastExponent)
    return exp2(exponent - mantissaBits)
  }

  /// The nearest number of the format, ties to even; ±∞ from half a step beyond the greatest.
  public func nearest(_ value: Double) -> Double {
    guard value.isFinite else { return value }
    let spacing = spacing(at: value)
    let rounded = (value / spacing).rounded(.toNearestOrEven) * spacing
    return rounded.magnitude > greatest ? (value < 0 ? -.infinity : .infinity) : rounded
  }

  private func exp2(_ exponent: Int) -> Double {
    Double(sign: .plus, exponent: exponent, significand: 1)
  }
}
