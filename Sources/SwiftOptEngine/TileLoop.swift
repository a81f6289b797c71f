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
  /// The rule, without changing anything but the tile's sums.
  case trial
  case update
  /// Sets the gradients to 0 where the groups ask for it.
  case clear
  /// Adds the weighted gradients to the accumulators.
  case accumulate(weight: Double)
}

/// Below this many elements a step takes a few microseconds, and waking a second
/// thread costs more than it saves.
let serialElements = 32_768

/// A thread takes a block of tiles at a time: at most this many, and few enough that
/// every thread has some tens of blocks, so that all finish together.
private let tilesPerBlock = 16
private let blocksPerThread = 32

extension Step {
  /// Runs `pass` on every tile of every tensor, shared out over the threads.
  func share(_ pass: Pass) {
    share(
      pass, tiles: 0..<workspace.header.pointee.sizes.tiles,
      elements: workspace.header.pointee.elementCount)
  }

  /// Runs `pass` on the tiles of one tensor.
  func share(_ pass: Pass, tensor: Int) {
    share(
      pass, tiles: workspace.firstTile[tensor]..<workspace.firstTile[tensor + 1],
      elements: Int(tensors[tensor].count))
  }

  private func share(_ pass: Pass, tiles: Range<Int>, elements: Int) {
    var grain = tiles.count
    if elements >= serialElements {
      grain = min(
        tilesPerBlock, max(1, tiles.count / (blocksPerThread * Int(so_pool_get_threads()))))
    }
    var job = (step: self, pass: pass, first: tiles.lowerBound)
    so_parallel_for(
      Int64(tiles.count), Int64(grain),
      { context, begin, end, scratch in
        let job = context.assumingMemoryBound(to: (step: Step, pass: Pass, first: Int).self)
        job.pointee.step.run(
          job.pointee.pass, job.pointee.first &+ Int(begin), job.pointee.first &+ Int(end), scratch)
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
      let last = min(end, workspace.firstTile[index &+ 1])
      let tensor = tensors + index
      switch pass {
      case .measure:
        for tile in first..<last { measure(tensor, run(of: index, from: tile, to: tile &+ 1)) }
      case .trial:
        if isTried(index) {
          for tile in first..<last {
            update(tensor, run(of: index, from: tile, to: tile &+ 1), isTrial: true, scratch)
          }
        }
      case .update:
        if isElementwise(index) { update(index, first, last, scratch) }
      case .clear:
        clear(tensor, run(of: index, from: first, to: last))
      case .accumulate(let weight):
        accumulate(tensor, run(of: index, from: first, to: last), weight, scratch)
      }
      first = last
    }
  }

  private func update(
    _ index: Int, _ first: Int, _ last: Int, _ scratch: UnsafeMutableRawPointer
  ) {
    if has(SO_REPORT_UPDATE_NORM) {
      // A sum per tile, whose elements must not depend on addresses.
      for tile in first..<last {
        update(tensors + index, run(of: index, from: tile, to: tile &+ 1), isTrial: false, scratch)
      }
      return
    }
    let shift = workspace.tensors[index].isNative ? tensors[index].elementsBeyondCacheLine : 0
    let tile = run(of: index, from: first, to: last, shift: shift)
    update(tensors + index, tile, isTrial: false, scratch)
  }

  /// The elements of the tiles first ..< next of a tensor, with the borders between
  /// tiles moved forward by `shift`.
  private func run(of tensor: Int, from first: Int, to next: Int, shift: Int = 0) -> Tile {
    let start = workspace.firstTile[tensor]
    let isLast = next == workspace.firstTile[tensor &+ 1]
    let begin = first == start ? 0 : (first &- start) &* Int(SO_TILE_ELEMENTS) &- shift
    let end =
      isLast
      ? Int(tensors[tensor].count) : (next &- start) &* Int(SO_TILE_ELEMENTS) &- shift
    return Tile(index: first, tensor: tensor, begin: begin, count: end &- begin)
  }

  private func clear(_ tensor: UnsafeMutablePointer<so_tensor>, _ tile: Tile) {
    guard let gradient = tensor.pointee.gradient, clearsGradient(tile.tensor) else { return }
    let size = elementSize(tensor.pointee.gradient_dtype) ?? 0
    kernels.zero!(
      UnsafeMutableRawPointer(mutating: gradient) + tile.begin &* size,
      Int64(tile.count &* size))
  }
}

extension so_tensor {
  /// How many elements the parameter begins after a cache line does.
  ///
  /// The second pass moves its tiles forward by as many, so that their vectors don't
  /// straddle cache lines: NumPy's large arrays begin 16 bytes after one, mostly all in
  /// the same way. The first pass doesn't: its sums must not depend on addresses.
  fileprivate var elementsBeyondCacheLine: Int {
    let address = master.map { UInt(bitPattern: $0) } ?? UInt(bitPattern: parameter)
    return Int(address & 63) / (computationDtype == SO_FLOAT64 ? 8 : 4)
  }
}
