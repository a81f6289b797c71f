import CSwiftOpt
import SwiftOptShims

/// A run of elements of one tensor.
struct Tile {
  /// In the list of all tiles of all tensors.
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
    for tileIndex in begin..<end {
      while workspace.firstTile[index &+ 1] <= tileIndex { index &+= 1 }
      let tensor = tensors + index
      let isLast = tileIndex &+ 1 == workspace.firstTile[index &+ 1]
      var begin = (tileIndex &- workspace.firstTile[index]) &* Int(SO_TILE_ELEMENTS)
      var end = isLast ? Int(tensor.pointee.count) : begin &+ Int(SO_TILE_ELEMENTS)
      switch pass {
      case .measure:
        measure(tensor, Tile(index: tileIndex, tensor: index, begin: begin, count: end &- begin))
      case .update:
        let shift = tensor.pointee.elementsBeyondCacheLine
        if begin > 0 { begin &-= shift }
        if !isLast { end &-= shift }
        let tile = Tile(index: tileIndex, tensor: index, begin: begin, count: end &- begin)
        update(tensor, tile, scratch)
      }
    }
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
