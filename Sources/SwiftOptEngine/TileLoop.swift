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

/// A thread takes a block of tiles at a time: at most this many, so that all threads
/// finish together.
private let tilesPerBlock = 16

extension Step {
  /// Runs `pass` on every tile of every tensor, shared out over the threads.
  func share(_ pass: Pass) {
    let tiles = workspace.header.pointee.tileCount
    var grain = tiles
    if workspace.header.pointee.elementCount >= serialElements {
      grain = min(tilesPerBlock, max(1, tiles / (8 * Int(so_pool_get_threads()))))
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
      let first = (tileIndex &- workspace.firstTile[index]) &* Int(SO_TILE_ELEMENTS)
      let tile = Tile(
        index: tileIndex, tensor: index, begin: first,
        count: min(Int(SO_TILE_ELEMENTS), Int(tensor.pointee.count) &- first))
      switch pass {
      case .measure: measure(tensor, tile)
      case .update: update(tensor, tile, scratch)
      }
    }
  }
}
