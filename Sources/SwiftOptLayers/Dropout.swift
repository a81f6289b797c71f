import CSwiftOpt
import SwiftOptShims

/// y = x / (1 - p), or 0 with probability p (Srivastava et al. 2014, "Dropout", with the
/// scaling at training time that is usual now).
///
/// Which elements are dropped is a function of key, counter and the element's index alone, so
/// nothing is stored: the backward pass is the same function of the gradient.
///
/// The generator is Philox 4×32-7. Ten rounds took two thirds of the whole time, and are meant
/// as a margin, which masks don't need.
///
/// An element is dropped if its 16 random bits are below p · 2^16, rounded. 256 elements share
/// 32 Philox blocks, numbers 32 g to 32 g + 31 for elements 256 g to 256 g + 255: element
/// 256 g + 128 q + 4 b + 2 w + h has half h (0: the lower) of word 2 q + w of block 32 g + b.
enum Dropout: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("dropout")
    description.input("x")
    description.input("random", .random)
    description.output("y", mayBe: 0)
    description.describeDropout()
  }

  static func plan(_ plan: LayerPlan) { plan.dropout() }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 { call.dropOut() }
}

enum DropoutBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("dropout_backward")
    description.input("dy")
    description.input("random", .random)
    description.output("dx", mayBe: 0)
    description.describeDropout()
  }

  static func plan(_ plan: LayerPlan) { plan.dropout() }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 { call.dropOut() }
}

extension LayerDescription {
  fileprivate func describeDropout() {
    size("count")
    setting("p", 0.5, minimum: 0, maximum: 1)
  }
}

extension LayerPlan {
  fileprivate func dropout() {
    count(0, size(0))
    count(1, 2)  // key, counter
    count(2, size(0))
  }
}

private let groupElements = 256
private let groupBlocks = 32
/// Groups whose random words are made together: 4 KiB of them.
private let batchGroups = 8

extension LayerCall {
  @inline(__always)
  fileprivate func dropOut() -> Int32 {
    let (x, y, count) = (values(0), values(2), size(0))
    let (key, counter) = (random(1)[0], random(1)[1])
    let p = setting(0)
    let threshold = UInt32(min((p * 65536).rounded(), 65535))
    let dropsAll = p * 65536 >= 65535.5
    let task = DropoutTask<Element>(threshold: threshold, scale: Number(1 / (1 - p)))
    let groups = (count &+ groupElements &- 1) / groupElements
    parallelFor(groups, grain: 4 &* batchGroups) { begin, end, scratch in
      let words = scratch.assumingMemoryBound(to: UInt32.self)
      var batch = begin
      while batch < end {
        let last = min(end, batch &+ batchGroups)
        let start = batch &* groupElements
        let elements = min(last &* groupElements, count) &- start
        if dropsAll {
          for index in start..<start &+ elements { y[index] = Element(rounding: 0) }
        } else {
          fillWords(
            words, key: key, counter: counter, groups: batch, last,
            meanwhile: x + start, y + start, bytes: groupElements &* MemoryLayout<Element>.stride)
          task.run(x + start, y + start, elements, scratch.assumingMemoryBound(to: UInt16.self))
        }
        batch = last
      }
    }
    return ranWell
  }
}

private struct DropoutTask<Element: LayerElement> {
  typealias Number = Element.Number

  let threshold: UInt32
  let scale: Number

  /// Out of line, so that nothing in its loop is. An element has the random number at its place.
  @inline(never)
  func run(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ count: Int,
    _ random: UnsafePointer<UInt16>
  ) {
    var index = 0
    while index &+ 32 <= count {
      Element.drop32(x + index, y + index, random + index, threshold, scale)
      index &+= 32
    }
    while index < count {
      let isDropped = UInt32(random[index]) < threshold
      y[index] = Element(rounding: isDropped ? 0 : x[index].number * scale)
      index &+= 1
    }
  }
}

extension LayerNumber {
  @inline(__always)
  static func drop32(
    _ x: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>, _ random: UnsafePointer<UInt16>,
    _ threshold: UInt32, _ scale: Self
  ) {
    let scale = SIMD16<Self>(repeating: scale)
    let (first, second) = (multiply16(load16(x), scale), multiply16(load16(x + 16), scale))
    store16(kept16(first, random, threshold), y)
    store16(kept16(second, random + 16, threshold), y + 16)
  }
}

extension BFloat16 {
  @inline(__always)
  static func drop32(
    _ x: UnsafePointer<BFloat16>, _ y: UnsafeMutablePointer<BFloat16>,
    _ random: UnsafePointer<UInt16>, _ threshold: UInt32, _ scale: Float
  ) {
    so_drop_bfloat16(
      UnsafeRawPointer(x).assumingMemoryBound(to: UInt16.self),
      UnsafeMutableRawPointer(y).assumingMemoryBound(to: UInt16.self), random, threshold, scale)
  }
}

/// The 128 words of each of these groups: words 0 and 1 of its blocks in turn, then words 2 and
/// 3. Meanwhile the groups of elements come from memory, of which each has so many bytes.
@inline(never)
private func fillWords(
  _ words: UnsafeMutablePointer<UInt32>, key: UInt64, counter: UInt64, groups begin: Int,
  _ end: Int, meanwhile x: UnsafeRawPointer, _ y: UnsafeRawPointer, bytes: Int
) {
  for group in begin..<end {
    let pairs = UnsafeMutableRawPointer(words + (group &- begin) &* (groupElements / 2))
      .assumingMemoryBound(to: UInt64.self)
    let first = UInt64(truncatingIfNeeded: group &* groupBlocks)
    var byte = (group &- begin) &* bytes
    let last = byte &+ bytes
    while byte < last {
      so_prefetch(x + byte)
      so_prefetch(y + byte)
      byte &+= 64
    }
    for block in 0..<groupBlocks {
      let number = first &+ UInt64(truncatingIfNeeded: block)
      var random = PhiloxBlock(
        word0: number & 0xFFFF_FFFF, word1: number >> 32, word2: counter & 0xFFFF_FFFF,
        word3: counter >> 32)
      random.scramble(key: key, rounds: 7)
      let (early, late) = (random.word0 | random.word1 << 32, random.word2 | random.word3 << 32)
      pairs[block] = early
      pairs[block &+ groupBlocks] = late
    }
  }
}
