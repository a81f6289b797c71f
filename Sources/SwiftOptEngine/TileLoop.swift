import CSwiftOpt
import SwiftOptShims

/// A run of elements of one tensor: a tile, or several that follow each other.
struct Tile {
  /// The (first) tile in the list of all tiles of all tensors.
  var index: Int
  var tensor: Int
  /// The first element, counted in the tensor.
  var begin: Int
  var count: Int
}

/// What a pass does with a tile.
enum Pass {
  case measure
  case update
}

/// Below this many elements a step takes a few microseconds, and waking a second
/// thread costs more than it saves.
private let serialElements = 32_768

/// A thread takes a block of tiles at a time: at most this many, and few enough that
/// every thread has some tens of blocks, so that all finish together.
private let tilesPerBlock = 16
private let blocksPerThread = 32

extension Step {
  /// Runs `pass` on every tile of every tensor, shared out over the threads.
  func share(_ pass: Pass) {
    let tiles = workspace.header.pointee.tileCount
    var grain = tiles
    if workspace.header.pointee.elementCount >= serialElements {
      grain = min(tilesPerBlock, max(1, tiles / (blocksPerThread * Int(so_pool_get_threads()))))
    }
    var job = (step: self, pass: pass)
    so_parallel_for(
      Int64(tiles), Int64(grain),
      { context, begin, end, scratch in
        let job = context.assumingMemoryBound(to: (step: Step, pass: Pass).self)
        job.pointee.step.run(job.pointee.pass, Int(begin), Int(end), scratch)
      }, &job)
  }

  private func run(
    _ pass: Pass, _ begin: Int, _ end: Int, _ scratch: UnsafeMutableRawPointer
  ) {
    guard begin < end else { return }
    var index = workspace.tensor(ofTile: begin)
    var first = begin
    while first < end {
      while workspace.firstTile[index &+ 1] <= first { index &+= 1 }
      let next: Int
      switch pass {
      case .measure:
        next = first &+ 1
        measure(tensors + index, run(of: index, from: first, to: next, shift: 0))
      case .update:
        // Tiles are for the scratch memory; without it the rule runs on to the end.
        next = prepares(index) ? first &+ 1 : min(end, workspace.firstTile[index &+ 1])
        let shift = tensors[index].elementsBeyondCacheLine
        update(tensors + index, run(of: index, from: first, to: next, shift: shift), scratch)
      }
      first = next
    }
  }

  /// The elements of the tiles first ..< next of a tensor, with the borders between
  /// tiles moved forward by `shift`.
  private func run(of tensor: Int, from first: Int, to next: Int, shift: Int) -> Tile {
    let start = workspace.firstTile[tensor]
    let isLast = next == workspace.firstTile[tensor &+ 1]
    let begin = first == start ? 0 : (first &- start) &* Int(SO_TILE_ELEMENTS) &- shift
    let end =
      isLast
      ? Int(tensors[tensor].count) : (next &- start) &* Int(SO_TILE_ELEMENTS) &- shift
    return Tile(index: first, tensor: tensor, begin: begin, count: end &- begin)
  }
}

extension so_tensor {
  /// How many elements the parameter begins after a cache line does.
  ///
  /// The second pass moves its tiles forward by as many, so that their vectors don't
  /// straddle cache lines: NumPy's large arrays begin 16 bytes after one, mostly all in
  /// the same way. The first pass doesn't: its sums must not depend on addresses.
  fileprivate var elementsBeyondCacheLine: Int {
    let bytes = Int(UInt(bitPattern: parameter) & 63)
    return parameter_dtype == Int32(SO_FLOAT32) ? bytes / 4 : bytes / 8
  }
}
