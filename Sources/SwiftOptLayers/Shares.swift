/// A loop's steps, shared out in at most `most` runs of equal length. How, depends on their
/// number alone: so partial results, one per run, combine to the same bits on any number of
/// threads, and each run has a part of the workspace for itself.
struct Shares {
  let count: Int
  let each: Int

  @inline(__always)
  init(_ count: Int, most: Int = 64) {
    self.count = count
    each = count > most ? (count &- 1) / most &+ 1 : 1
  }

  @inline(__always)
  var number: Int { count == 0 ? 0 : (count &- 1) / each &+ 1 }

  /// Calls `body` with the number of each run, its steps and the task's scratch memory.
  @inline(__always)
  func parallel(_ body: @escaping (Int, Range<Int>, UnsafeMutableRawPointer) -> Void) {
    let each = self.each
    parallelFor(count, grain: each) { begin, end, scratch in
      body(begin / each, begin..<end, scratch)
    }
  }
}

/// The next multiple of `step`.
@inline(__always)
func roundedUp(_ count: Int, to step: Int) -> Int {
  (count &+ step &- 1) / step &* step
}

/// Adds up partial results in their order: `count` sums of each of `shares` runs.
@inline(__always)
func combine(
  _ partials: UnsafePointer<Double>, shares: Int, stride: Int, count: Int,
  into sums: UnsafeMutablePointer<Double>
) {
  for index in 0..<count {
    var sum = 0.0
    for share in 0..<shares { sum += partials[share &* stride &+ index] }
    sums[index] = sum
  }
}
