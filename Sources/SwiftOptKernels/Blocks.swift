import SwiftOptShims

// Numbers of 8 bits in blocks of 256, which share a scale: their largest magnitude, in
// float32 (Dettmers, Lewis, Shleifer & Zettlemoyer 2022, "8-bit optimizers via block-wise
// quantization"). What is stored of a value x is the code of y = |x| / scale, in 0 ... 1.
//
// The codes are spaced like floating-point numbers with a few bits of mantissa, so a code is
// a float32's bit pattern without its lower bits, counted down from that of 1, and encoding
// and decoding are integer arithmetic instead of a search in a table.

/// How one kind of block spaces its codes. A type of its own for each, so that each has loops
/// of its own.
protocol BlockCode {
  /// The code of 1. Code 0 is 0.
  static var greatest: Int32 { get }
  /// Bits of a float32 below the last one that a code has.
  static var droppedBits: Int32 { get }
  static var isSigned: Bool { get }
}

/// 7 bits with 3 bits of mantissa below the sign: down to 1.25 · 2^-16.
enum SignedCode: BlockCode {
  @inline(__always) static var greatest: Int32 { 127 }
  @inline(__always) static var droppedBits: Int32 { 20 }
  @inline(__always) static var isSigned: Bool { true }
}

/// 8 bits with 4 bits of mantissa: down to 1.125 · 2^-16.
enum UnsignedCode: BlockCode {
  @inline(__always) static var greatest: Int32 { 255 }
  @inline(__always) static var droppedBits: Int32 { 19 }
  @inline(__always) static var isSigned: Bool { false }
}

extension BlockCode {
  /// The bit pattern one step below that of the least code, 1.
  @inline(__always)
  static var base: Int32 { oneBits &- greatest &<< droppedBits }

  /// The number that code 1 stands for.
  @inline(__always)
  static var least: Float { Float(bitPattern: UInt32(bitPattern: base &+ 1 &<< droppedBits)) }

  /// The number of a code, without the scale.
  @inline(__always)
  static func number(_ code: UInt8) -> Float {
    let magnitude = Int32(code) & greatest
    let bits = UInt32(bitPattern: magnitude == 0 ? 0 : base &+ magnitude &<< droppedBits)
    return Float(bitPattern: isSigned ? bits | (UInt32(code) & 0x80) &<< 24 : bits)
  }

  /// The code of a value in a block with a finite scale > 0, rounded to the nearest.
  @inline(__always)
  static func nearest(_ value: Float, _ scale: BlockScale) -> UInt8 {
    let share = scale.share(value)
    let steps = Int32(bitPattern: share.bitPattern) &- base
    let half = 1 &<< (droppedBits &- 1) &- 1 &+ ((steps &>> droppedBits) & 1)
    return code(value, (steps &+ half) &>> droppedBits, isAboveZero: share > least / 2)
  }

  /// The same, rounded up or down by chance.
  @inline(__always)
  static func stochastic(_ value: Float, _ scale: BlockScale, _ random: UInt32) -> UInt8 {
    let share = scale.share(value)
    // Between 0 and the least code the chance is the value's share of that code.
    let isAboveZero = share * (1 / least) * 0x1p31 > Float(Int32(truncatingIfNeeded: random &>> 1))
    return code(value, rounded(share, random), isAboveZero: isAboveZero)
  }

  /// The same where no element of the block is below the least code.
  @inline(__always)
  static func stochasticAboveLeast(_ value: Float, _ scale: BlockScale, _ random: UInt32) -> UInt8 {
    let magnitude = UInt32(bitPattern: rounded(scale.plainShare(value), random))
    let sign = isSigned ? (value.bitPattern &>> 24) & 0x80 : 0
    return UInt8(truncatingIfNeeded: magnitude | sign)
  }

  @inline(__always)
  private static func rounded(_ share: Float, _ random: UInt32) -> Int32 {
    let steps = Int32(bitPattern: share.bitPattern) &- base
    let chance = Int32(truncatingIfNeeded: random &>> UInt32(truncatingIfNeeded: 32 &- droppedBits))
    return (steps &+ chance) &>> droppedBits
  }

  /// `rounded`, which is below 1 only for what is below the least code. A signed value there
  /// becomes 0 or the least code. An unsigned one becomes the least code unless it is 0: were
  /// a second moment 0 under a first one that isn't, their ratio, the step, would be as large
  /// as 1 / epsilon makes it.
  @inline(__always)
  private static func code(_ value: Float, _ rounded: Int32, isAboveZero: Bool) -> UInt8 {
    let leastOrMore = rounded > 1 ? rounded : 1
    let magnitude = (isSigned ? isAboveZero : value != 0) ? leastOrMore : 0
    let sign = isSigned ? (value.bitPattern &>> 24) & 0x80 : 0
    return UInt8(truncatingIfNeeded: UInt32(bitPattern: magnitude) | sign)
  }
}

/// A block's largest magnitude, and what to multiply by for an element's share of it: a
/// division per element would cost more than all the rest.
struct BlockScale {
  let number: Float
  /// The least magnitude of the block.
  private let minimum: Float
  /// A power of two that keeps a tiny block's reciprocal finite, and that reciprocal. It is
  /// one unit in the last place larger than the nearest, so that the largest value's share
  /// is not below 1 and its code the greatest.
  private let factor, reciprocal: Float

  init(_ values: UnsafePointer<Float>, _ count: Int) {
    // By the bits, where infinity and NaN are the largest, so that no comparison loses one.
    var greatest: Int32 = 0
    var least = Int32.max
    for index in 0..<count {
      let magnitude = Int32(truncatingIfNeeded: values[index].bitPattern & 0x7FFF_FFFF)
      greatest = magnitude > greatest ? magnitude : greatest
      least = magnitude < least ? magnitude : least
    }
    let largest = Float(bitPattern: UInt32(truncatingIfNeeded: greatest))
    number = largest.isFinite ? largest : .nan
    minimum = Float(bitPattern: UInt32(truncatingIfNeeded: least))
    factor = number < 0x1p-64 ? 0x1p64 : 1
    reciprocal = (1 / (number * factor)).nextUp
  }

  /// |value| / scale, exactly 1 for the largest value.
  @inline(__always)
  func share(_ value: Float) -> Float {
    let share = value.magnitude * factor * reciprocal
    return share < 1 ? share : 1
  }

  /// The same for a block that `isPlain`.
  @inline(__always)
  func plainShare(_ value: Float) -> Float {
    let share = value.magnitude * reciprocal
    return share < 1 ? share : 1
  }

  /// Whether the block isn't tiny and no element's share is below that of the least code.
  @inline(__always)
  func isPlain(_ least: Float) -> Bool { factor == 1 && plainShare(minimum) >= least }
}

private var oneBits: Int32 {
  @inline(__always) get { 0x3F80_0000 }
}
