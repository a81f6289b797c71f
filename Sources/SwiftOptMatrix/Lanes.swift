import SwiftOptShims

/// An operand as packing sees it: *lanes*, the rows of A or the columns of B, as deep as the
/// product.
struct Lanes<Source: Element> {
  let source: UnsafePointer<Source>
  /// Elements between two rows in memory.
  let stride: Int
  /// Whether neighbouring lanes are neighbours in memory, else those of the depth are.
  let areContiguous: Bool
  let count: Int
  let depth: Int
}

extension Lanes {
  /// Packs `width` lanes, the first of them `first`, for the steps of `range`: for each step all
  /// lanes. What lies beyond the operand is 0 in the last `unit` of lanes that has any.
  @inline(__always)
  func pack<Numbers: Arithmetic>(
    _ numbers: Numbers.Type, from first: Int, width: Int, unit: Int, steps range: Range<Int>,
    to target: UnsafeMutablePointer<Numbers.Step>
  ) {
    let filled = min(width, count &- first)
    let end = divideUp(filled, unit) &* unit
    if filled < end {
      let nothing = Numbers.step(Numbers.noPart, Numbers.noPart)
      for step in 0..<range.count {
        for lane in filled..<end { target[step &* width &+ lane] = nothing }
      }
    }
    if areContiguous {
      interleave(numbers, first, filled, width, range, target)
    } else {
      transpose(numbers, first, filled, width, range, target)
    }
  }

  @inline(__always)
  private func interleave<Numbers: Arithmetic>(
    _ numbers: Numbers.Type, _ first: Int, _ filled: Int, _ width: Int, _ range: Range<Int>,
    _ target: UnsafeMutablePointer<Numbers.Step>
  ) {
    let whole = min(range.upperBound, depth / Numbers.stepDepth)
    // Too far for the processor to guess, and in time for a slow cache level.
    let ahead = max(16 &* stride, 4096 / MemoryLayout<Source>.size)
    var to = target
    for step in range {
      let upper = source + (step &* Numbers.stepDepth &* stride &+ first)
      // An odd depth's last step has no second part.
      if step < whole {
        let lower = upper + (Numbers.stepDepth &- 1) &* stride
        var lane = 0
        while lane &+ 16 <= filled,
          Numbers.packSixteen(upper + lane, lower + lane, to: to + lane)
        {
          so_matrix_prefetch(upper + lane + ahead)
          so_matrix_prefetch(lower + lane + ahead)
          lane &+= 16
        }
        while lane < filled {
          to[lane] = Numbers.step(Numbers.part(upper[lane]), Numbers.part(lower[lane]))
          lane &+= 1
        }
      } else {
        for lane in 0..<filled {
          to[lane] = Numbers.step(Numbers.part(upper[lane]), Numbers.noPart)
        }
      }
      to += width
    }
  }

  @inline(__always)
  private func transpose<Numbers: Arithmetic>(
    _ numbers: Numbers.Type, _ first: Int, _ filled: Int, _ width: Int, _ range: Range<Int>,
    _ target: UnsafeMutablePointer<Numbers.Step>
  ) {
    // Where memory already holds steps, a square of lanes and steps at a time: 16 of 32 bits
    // or 8 of 64.
    let stepBytes = MemoryLayout<Numbers.Step>.size
    let isReady =
      MemoryLayout<Source>.size &* Numbers.stepDepth == stepBytes
      && Source.self != RoundedFloat.self
    let side = 64 / stepBytes
    var lane = 0
    if isReady {
      while lane &+ side <= filled {
        transposeSquares(numbers, first, lane, side, width, range, target)
        lane &+= side
      }
    }
    while lane < filled {
      scatter(numbers, first &+ lane, width, range, target + lane)
      lane &+= 1
    }
  }

  @inline(__always)
  private func transposeSquares<Numbers: Arithmetic>(
    _ numbers: Numbers.Type, _ first: Int, _ lane: Int, _ side: Int, _ width: Int,
    _ range: Range<Int>, _ target: UnsafeMutablePointer<Numbers.Step>
  ) {
    var step = range.lowerBound
    let end = min(range.upperBound, depth / Numbers.stepDepth)
    let rows = source + (first &+ lane) &* stride
    let bytes = Int64(stride &* MemoryLayout<Source>.size)
    while step &+ side <= end {
      let from = rows + step &* Numbers.stepDepth
      let to = UnsafeMutableRawPointer(
        target + ((step &- range.lowerBound) &* width &+ lane))
      if side == 16 {
        let words = to.assumingMemoryBound(to: UInt32.self)
        so_matrix_transpose16(from, bytes, words, Int64(width))
      } else {
        let words = to.assumingMemoryBound(to: UInt64.self)
        so_matrix_transpose8(from, bytes, words, Int64(width))
      }
      step &+= side
    }
    let rest = target + ((step &- range.lowerBound) &* width &+ lane)
    for other in 0..<side {
      scatter(numbers, first &+ lane &+ other, width, step..<range.upperBound, rest + other)
    }
  }

  /// One lane, to every `width`-th step.
  @inline(__always)
  private func scatter<Numbers: Arithmetic>(
    _ numbers: Numbers.Type, _ lane: Int, _ width: Int, _ range: Range<Int>,
    _ target: UnsafeMutablePointer<Numbers.Step>
  ) {
    gather(numbers, lane, range) { step, value in target[step &* width] = value }
  }

  /// The steps of one lane, next to each other.
  @inline(__always)
  func copy<Numbers: Arithmetic>(
    _ numbers: Numbers.Type, lane: Int, steps range: Range<Int>,
    to target: UnsafeMutablePointer<Numbers.Step>
  ) {
    gather(numbers, lane, range) { step, value in target[step] = value }
  }

  @inline(__always)
  private func gather<Numbers: Arithmetic>(
    _ numbers: Numbers.Type, _ lane: Int, _ range: Range<Int>,
    _ write: (Int, Numbers.Step) -> Void
  ) {
    let whole = min(range.upperBound, depth / Numbers.stepDepth)
    let from = source + (lane &* stride &+ range.lowerBound &* Numbers.stepDepth)
    let count = max(0, whole &- range.lowerBound)
    for step in 0..<count {
      let place = step &* Numbers.stepDepth
      write(
        step,
        Numbers.step(
          Numbers.part(from[place]), Numbers.part(from[place &+ Numbers.stepDepth &- 1])))
    }
    if count < range.count {
      write(
        count, Numbers.step(Numbers.part(from[count &* Numbers.stepDepth]), Numbers.noPart))
    }
  }
}
