import SwiftOptShims

/// What the threads of a parallel loop share: C knows no closures.
private struct ParallelBody {
  let run: (Int, Int, UnsafeMutableRawPointer) -> Void
}

/// Calls `body` with `begin`, `end` and scratch for every block of `grain` of the elements
/// 0 ..< count, on all threads; the rules are those of `so_parallel_for`. A reduction writes
/// one partial result per block, which are then combined in their order, so that its bits
/// don't depend on the number of threads.
@inline(__always)
func parallelFor(
  _ count: Int, grain: Int, _ body: @escaping (Int, Int, UnsafeMutableRawPointer) -> Void
) {
  withUnsafePointer(to: ParallelBody(run: body)) { shared in
    so_parallel_for(
      Int64(count), Int64(grain),
      { context, begin, end, scratch in
        context.assumingMemoryBound(to: ParallelBody.self).pointee.run(
          Int(begin), Int(end), scratch)
      }, UnsafeMutableRawPointer(mutating: shared))
  }
}
