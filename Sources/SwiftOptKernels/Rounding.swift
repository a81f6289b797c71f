import SwiftOptShims

// Numbers between their dtypes, one element at a time, as integer arithmetic on the bits:
// lane-wise operations that every level has. A rounding comes in two kinds, to the nearest
// with ties to even, and up or down by chance. The chance is 32 uniformly random bits: their
// upper ones are added to the bits that are dropped, and the carry rounds up. It comes with
// probability (dropped bits) / 2^(their number), exactly, so that the mean is the value.

private let signBit: UInt32 = 0x8000_0000
private let infinityBits: UInt32 = 0x7F80_0000

/// Writes for each value the `Float` that it is, or else the one of its two neighbours whose
/// last bit is 1. Rounding that to fewer bits gives what rounding the value itself gives,
/// because it is never a tie that the value isn't (Boldo & Melquiond 2008, "Emulation of FMA
/// and correctly rounded sums: proved algorithms using rounding to odd").
@inline(__always)
func roundToOdd(
  _ values: UnsafePointer<Double>, _ count: Int, into out: UnsafeMutablePointer<Float>
) {
  var index = 0
  while index &+ 8 <= count {
    so_round_to_odd8(values + index, out + index)
    index &+= 8
  }
  while index < count {
    let nearest = Float(values[index])
    let back = Double(nearest)
    let isFurther = back.magnitude > values[index].magnitude
    let towardZero = nearest.bitPattern &- (isFurther ? 1 : 0)
    out[index] = Float(bitPattern: towardZero | (back != values[index] ? 1 : 0))
    index &+= 1
  }
}

// ------------------------------------------------------------------ bfloat16

@inline(__always)
func floatFromBfloat16(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

@inline(__always)
func bfloat16Nearest(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  return bfloat16(bits, rounded: bits &+ nearestBfloat16(bits))
}

@inline(__always)
func bfloat16Stochastic(_ value: Float, _ random: UInt32) -> UInt16 {
  let bits = value.bitPattern
  let magnitude = bits & ~signBit
  // Chance must not make infinity of a finite number, nor of NaN: beyond the greatest
  // bfloat16 the rest is cut off, and NaN is made quiet.
  let rounded = bits &+ (magnitude > 0x7F7F_0000 ? 0 : random >> 16)
  return UInt16(truncatingIfNeeded: (rounded | (magnitude > infinityBits ? 0x0040_0000 : 0)) >> 16)
}

/// What to add so that dropping 16 bits rounds to the nearest, ties to even. Infinity stays.
@inline(__always)
func nearestBfloat16(_ bits: UInt32) -> UInt32 { 0x7FFF &+ ((bits >> 16) & 1) }

/// The upper half of `rounded`. What is not a number is made quiet and keeps the upper bits
/// of its payload: rounding could make infinity of it, or carry into the sign.
@inline(__always)
private func bfloat16(_ bits: UInt32, rounded: UInt32) -> UInt16 {
  let isNaN = bits & ~signBit > infinityBits
  return UInt16(truncatingIfNeeded: (isNaN ? bits | 0x0040_0000 : rounded) >> 16)
}

// ------------------------------------------------------------------- float16

#if SWIFTOPT_BASELINE
  /// What `Float(Float16)` gives; here that would be a call per element.
  @inline(__always)
  func floatFromFloat16(_ half: UInt16) -> Float {
    let bits = UInt32(half)
    let sign = (bits & 0x8000) << 16
    let magnitude = (bits & 0x7FFF) << 13
    // 2^-14 · (1 + fraction) - 2^-14 is exact and normalises what is subnormal.
    let subnormal = Float(bitPattern: magnitude | leastNormalBits) - 0x1p-14
    let normal = magnitude &+ (127 - 15) << 23
    let special = magnitude | infinityBits | (magnitude > 0x0F80_0000 ? 0x0040_0000 : 0)
    let finite = magnitude < 0x0080_0000 ? subnormal.bitPattern : normal
    return Float(bitPattern: sign | (magnitude >= 0x0F80_0000 ? special : finite))
  }

  /// What `Float16(Float)` gives.
  @inline(__always)
  func float16Nearest(_ value: Float) -> UInt16 {
    let magnitude = value.bitPattern & ~signBit
    let isOdd = (magnitude >> 13) & 1
    return float16(
      value,
      normal: (magnitude &- (127 - 15) << 23 &+ 0xFFF &+ isOdd) >> 13,
      // In ½ ..< 1 a float's last bit is 2^-24, float16's least number: the sum rounds to it.
      subnormal: (Float(bitPattern: magnitude) + 0.5).bitPattern &- halfBits)
  }
#else
  @inline(__always)
  func floatFromFloat16(_ half: UInt16) -> Float { Float(Float16(bitPattern: half)) }

  @inline(__always)
  func float16Nearest(_ value: Float) -> UInt16 { Float16(value).bitPattern }
#endif

private let leastNormalBits = Float(0x1p-14).bitPattern
private let halfBits = Float(0.5).bitPattern

@inline(__always)
func float16Stochastic(_ value: Float, _ random: UInt32) -> UInt16 {
  let magnitude = value.bitPattern & ~signBit
  // Chance must not make infinity of a number that is finite to the nearest.
  let nearest: UInt32 = 0xFFF &+ ((magnitude >> 13) & 1)
  let isBeyond = magnitude > Float(65504).bitPattern
  // Below 2^-14, as a multiple of 2^-24 and a rest; both are exact.
  let scaled = Float(bitPattern: magnitude) * 0x1p24
  let small = scaled < 1024 ? scaled : 0
  let floor = so_truncate(small)
  let isUp = happens(small - Float(floor), random)
  return float16(
    value,
    normal: (magnitude &- (127 - 15) << 23 &+ (isBeyond ? nearest : random >> 19)) >> 13,
    subnormal: UInt32(bitPattern: floor) &+ (isUp ? 1 : 0))
}

/// True with this probability, in 0 ..< 1, cut to a multiple of 2^-31.
@inline(__always)
func happens(_ probability: Float, _ random: UInt32) -> Bool {
  Int32(truncatingIfNeeded: random >> 1) < so_truncate(probability * 0x1p31)
}

/// Puts a float16 together from what its magnitude is in either range.
@inline(__always)
private func float16(_ value: Float, normal: UInt32, subnormal: UInt32) -> UInt16 {
  let bits = value.bitPattern
  let magnitude = bits & ~signBit
  let finite = magnitude < leastNormalBits ? subnormal : normal
  let payload = (magnitude >> 13) & 0x3FF
  let special = magnitude > infinityBits ? 0x7E00 | payload : 0x7C00
  let result = magnitude >= Float(65536).bitPattern ? special : finite
  return UInt16(truncatingIfNeeded: ((bits & signBit) >> 16) | result)
}
