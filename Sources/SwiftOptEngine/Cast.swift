import CSwiftOpt
import SwiftOptShims

/// An array on its way into another dtype, spread over the threads.
public struct Cast {
  public let source: so_stored
  public let target: so_stored

  /// Of arrays that `so_cast` may be given.
  public init(source: so_stored, target: so_stored) {
    self.source = source
    self.target = target
  }

  /// A multiple of every dtype's cache line, and of the 256 elements that get their
  /// random numbers together.
  private static var grain: Int64 { 32_768 }

  public func run() -> Problem? {
    guard let level = Level.current else { return .level }
    var job = (cast: self, kernels: Level.kernels(level))
    so_parallel_for(
      source.count, Self.grain,
      { context, begin, end, _ in
        let job = context.assumingMemoryBound(to: (cast: Cast, kernels: so_kernels).self)
        var source = job.pointee.cast.source.part(begin, end)
        var target = job.pointee.cast.target.part(begin, end)
        job.pointee.kernels.cast!(&source, &target)
      }, &job)
    return nil
  }
}

extension so_stored {
  fileprivate func part(_ begin: Int64, _ end: Int64) -> so_stored {
    var part = self
    if let first = data { part.data = first + Int(begin) &* bytesPerElement }
    part.index = begin
    part.count = end &- begin
    return part
  }

  /// Of a dtype without blocks.
  public var bytesPerElement: Int {
    dtype == Int32(SO_FLOAT64) ? 8 : (dtype == Int32(SO_FLOAT32) ? 4 : 2)
  }
}
