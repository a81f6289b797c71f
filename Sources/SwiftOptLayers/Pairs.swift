import SwiftOptShims

/// Thirty-two neighbours as two vectors. Those of bfloat16 are the elements at even places and
/// those at odd ones: pairs widen and round as they lie in memory, without the instructions that
/// single ones take to change their width. What works lane by lane doesn't mind the order.
///
/// A number that is stored so must have nothing in its lower half if it is NaN. That holds for
/// what comes of arithmetic if all that goes into it is bfloat16 or has passed `plainNaN`.
protocol PairedElement: BitwiseCopyable {
  associatedtype Number: SIMDScalar

  /// Whether the two vectors are anything else than neighbours.
  static var hasPairs: Bool { get }
  static func loadPairs32(_ source: UnsafePointer<Self>) -> (SIMD16<Number>, SIMD16<Number>)
  static func storePairs32(
    _ first: SIMD16<Number>, _ second: SIMD16<Number>, _ target: UnsafeMutablePointer<Self>)
  /// What `storePairs32` and `loadPairs32` would make of one of the two.
  static func roundedPairs16(_ numbers: SIMD16<Number>) -> SIMD16<Number>
}

extension PairedElement {
  /// Where a channel's number lies among the lanes of such vectors.
  @inline(__always)
  static func pairLane(_ channel: Int) -> Int {
    hasPairs ? channel & ~31 | (channel & 1) << 4 | (channel & 31) >> 1 : channel
  }
}

extension LayerNumber {
  @inline(__always)
  static var hasPairs: Bool { false }

  @inline(__always)
  static func loadPairs32(_ source: UnsafePointer<Self>) -> (SIMD16<Self>, SIMD16<Self>) {
    (load16(source), load16(source + 16))
  }

  @inline(__always)
  static func storePairs32(
    _ first: SIMD16<Self>, _ second: SIMD16<Self>, _ target: UnsafeMutablePointer<Self>
  ) {
    store16(first, target)
    store16(second, target + 16)
  }

  @inline(__always)
  static func roundedPairs16(_ numbers: SIMD16<Self>) -> SIMD16<Self> { numbers }

  /// The same number, or the NaN that has nothing in its lower half.
  @inline(__always)
  var plainNaN: Self { self == self ? self : .nan }
}

extension BFloat16 {
  @inline(__always)
  static var hasPairs: Bool { true }

  @inline(__always)
  static func loadPairs32(
    _ source: UnsafePointer<BFloat16>
  ) -> (SIMD16<Float>, SIMD16<Float>) {
    let bits = UnsafeRawPointer(source).assumingMemoryBound(to: UInt16.self)
    return (so_load_even_bfloat16(bits), so_load_odd_bfloat16(bits))
  }

  @inline(__always)
  static func storePairs32(
    _ first: SIMD16<Float>, _ second: SIMD16<Float>, _ target: UnsafeMutablePointer<BFloat16>
  ) {
    so_store_pairs_bfloat16(
      first, second, UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt16.self))
  }

  @inline(__always)
  static func roundedPairs16(_ numbers: SIMD16<Float>) -> SIMD16<Float> {
    so_round_carried_bfloat16(numbers)
  }
}
