import CSwiftOpt
import SwiftOptShims

/// y = x / (1 - p), or 0 with probability p (Srivastava et al. 2014, "Dropout", with the
/// scaling at training time that is usual now).
///
/// Which elements are dropped is a function of key, counter and the element's index alone, so
/// nothing is stored: the backward pass is the same function of the gradient.
///
/// An element is dropped if its 16 random bits are below p · 2^16, rounded. 256 elements share
/// 32 Philox blocks, numbers 32 g to 32 g + 31 for elements 256 g to 256 g + 255: element
/// 256 g + 128 q + 64 h + j has half h (0: the lower) of word 2 q + j mod 2 of block 32 g + j / 2.
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
    // In the upper half, so that one comparison with a word looks at its upper half.
    let threshold = UInt32(min((p * 65536).rounded(), 65535)) << 16
    let dropsAll = p * 65536 >= 65535.5
    let scale = dropsAll ? 0 : Number(1 / (1 - p))
    let groups = (count &+ groupElements &- 1) / groupElements
    parallelFor(groups, grain: 4 &* batchGroups) { begin, end, scratch in
      let words = scratch.assumingMemoryBound(to: UInt32.self)
      var batch = begin
      while batch < end {
        let last = min(end, batch &+ batchGroups)
        fillWords(words, key: key, counter: counter, groups: batch, last)
        for group in batch..<last {
          let start = group &* groupElements
          let (x, y) = (x + start, y + start)
          let words = words + (group &- batch) &* (groupElements / 2)
          if dropsAll {
            for index in 0..<min(groupElements, count &- start) { y[index] = Element(rounding: 0) }
          } else if start &+ groupElements <= count {
            for vector in 0..<8 {
              let offset = (vector & 4) &* 32 &+ (vector & 3) &* 16
              let both = UnsafeRawPointer(words + vector &* 16)
                .loadUnaligned(as: SIMD16<UInt32>.self)
              let lower = both &<< SIMD16(repeating: 16)
              let (first, second) = (x + offset, x + offset + 64)
              let a = Number.kept16(Element.load16(first) * scale, lower, threshold)
              let b = Number.kept16(Element.load16(second) * scale, both, threshold)
              Element.store16(a, y + offset)
              Element.store16(b, y + offset + 64)
            }
          } else {
            for index in 0..<count &- start {
              let word = words[(index >> 7) &* 64 &+ index & 63]
              let random = index & 64 == 0 ? word &<< 16 : word
              y[index] = Element(rounding: random < threshold ? 0 : x[index].number * scale)
            }
          }
        }
        batch = last
      }
    }
    return ranWell
  }
}

/// The 128 words of each of these groups: words 0 and 1 of its blocks in turn, then words 2 and 3.
@inline(__always)
private func fillWords(
  _ words: UnsafeMutablePointer<UInt32>, key: UInt64, counter: UInt64, groups begin: Int, _ end: Int
) {
  for group in begin..<end {
    let pairs = UnsafeMutableRawPointer(words + (group &- begin) &* (groupElements / 2))
      .assumingMemoryBound(to: UInt64.self)
    let first = UInt64(truncatingIfNeeded: group &* groupBlocks)
    for block in 0..<groupBlocks {
      let number = first &+ UInt64(truncatingIfNeeded: block)
      var random = PhiloxBlock(
        word0: number & 0xFFFF_FFFF, word1: number >> 32, word2: counter & 0xFFFF_FFFF,
        word3: counter >> 32)
      random.scramble(key: key)
      let (early, late) = (random.word0 | random.word1 << 32, random.word2 | random.word3 << 32)
      pairs[block] = early
      pairs[block &+ groupBlocks] = late
    }
  }
}
