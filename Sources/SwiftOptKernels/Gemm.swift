import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// C = alpha · op(A) · op(B) + beta · D, shared out over the threads.
///
/// Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication": both
/// operands are packed into panels for `SO_GEMM_DEPTH` steps of the depth, then every tile
/// of C is a product of two panels that stays in registers. Tiles are independent and a
/// tile's sums have a fixed order, so it doesn't matter who computes which.
func gemm(_ call: so_gemm) {
  guard call.rows > 0, call.columns > 0 else { return }
  // As in BLAS: with alpha = 0, A and B are not looked at.
  let depth = call.alpha == 0 ? 0 : Int(call.depth)
  var pass = GemmPass(call: call)
  repeat {
    pass.depth = min(Int(SO_GEMM_DEPTH), depth &- pass.start)
    pass.share(GemmWork.pack)
    pass.share(GemmWork.multiply)
    pass.start &+= pass.depth
  } while pass.start < depth
  if call.is_symmetric != 0 { pass.share(GemmWork.mirror) }
}

/// What the tasks of a pass do. Numbers, because an enumeration brings hashing with it.
private enum GemmWork {
  static var pack: Int { 0 }
  static var multiply: Int { 1 }
  static var mirror: Int { 2 }
}

/// Part of a product: some steps of the depth, for all of C.
private struct GemmPass {
  let call: so_gemm
  var start = 0
  var depth = 0
  var work = GemmWork.pack

  init(call: so_gemm) {
    self.call = call
  }

  mutating func share(_ work: Int) {
    self.work = work
    let isFloat = call.dtype == SO_FLOAT32
    let count = isFloat ? GemmMatrices<Float>(self).count : GemmMatrices<Double>(self).count
    so_parallel_for(
      Int64(count), 1,
      { context, begin, end, scratch in
        let pass = context.assumingMemoryBound(to: GemmPass.self).pointee
        if pass.call.dtype == SO_FLOAT32 {
          GemmMatrices<Float>(pass).run(Int(begin), Int(end), scratch)
        } else {
          GemmMatrices<Double>(pass).run(Int(begin), Int(end), scratch)
        }
      }, &self)
  }
}

/// A pass with its pointers typed.
private struct GemmMatrices<Scalar: GemmScalar> {
  let pass: GemmPass
  let a, b: GemmOperand<Scalar>
  let packedA, packedB: UnsafeMutablePointer<Scalar>

  /// A task multiplies this much of C: enough that a thread pool's overhead is small, and
  /// that a panel of B is used for several of A while it is in the first cache level.
  static var blockRows: Int { 96 }
  static var blockColumns: Int { 128 }
  /// Rows that a task copies when half of C is mirrored.
  static var mirroredRows: Int { 32 }

  init(_ pass: GemmPass) {
    self.pass = pass
    let call = pass.call
    a = GemmOperand(
      source: call.a.assumingMemoryBound(to: Scalar.self), stride: Int(call.a_stride),
      lanesAreContiguous: call.a_is_transposed != 0, lanes: Int(call.rows),
      panelLanes: gemmTileRows)
    b = GemmOperand(
      source: call.b.assumingMemoryBound(to: Scalar.self), stride: Int(call.b_stride),
      lanesAreContiguous: call.b_is_transposed == 0, lanes: Int(call.columns),
      panelLanes: 2 &* Scalar.lanes)
    let base = (UInt(bitPattern: call.workspace) &+ 63) & ~63
    packedB = UnsafeMutableRawPointer(bitPattern: base)!.assumingMemoryBound(to: Scalar.self)
    packedA = packedB + b.panels &* b.panelLanes &* pass.depth
  }

  var rowBlocks: Int { (a.lanes &+ Self.blockRows &- 1) / Self.blockRows }
  var columnBlocks: Int { (b.lanes &+ Self.blockColumns &- 1) / Self.blockColumns }

  /// Tasks of the pass.
  var count: Int {
    switch pass.work {
    case GemmWork.pack: a.panels &+ b.panels
    case GemmWork.multiply: rowBlocks &* columnBlocks
    default: (a.lanes &+ Self.mirroredRows &- 1) / Self.mirroredRows
    }
  }

  func run(_ begin: Int, _ end: Int, _ scratch: UnsafeMutableRawPointer) {
    for task in begin..<end {
      switch pass.work {
      case GemmWork.pack: pack(task)
      case GemmWork.multiply: multiply(task, scratch.assumingMemoryBound(to: Scalar.self))
      default: mirror(task)
      }
    }
  }

  @inline(__always)
  private func panelOfA(_ panel: Int) -> UnsafeMutablePointer<Scalar> {
    packedA + panel &* a.panelLanes &* pass.depth
  }

  @inline(__always)
  private func panelOfB(_ panel: Int) -> UnsafeMutablePointer<Scalar> {
    packedB + panel &* b.panelLanes &* pass.depth
  }

  private func pack(_ task: Int) {
    if task < b.panels {
      b.pack(task, depthFrom: pass.start, depth: pass.depth, to: panelOfB(task))
    } else {
      let panel = task &- b.panels
      a.pack(panel, depthFrom: pass.start, depth: pass.depth, to: panelOfA(panel))
    }
  }

  private func multiply(_ task: Int, _ tile: UnsafeMutablePointer<Scalar>) {
    let firstRow = task / columnBlocks &* Self.blockRows
    let firstColumn = task % columnBlocks &* Self.blockColumns
    let endRow = min(firstRow &+ Self.blockRows, a.lanes)
    let endColumn = min(firstColumn &+ Self.blockColumns, b.lanes)
    var column = firstColumn
    while column < endColumn {
      var row = firstRow
      while row < endRow {
        // Tiles that lie above the diagonal come from below it.
        if pass.call.is_symmetric == 0 || column < row &+ gemmTileRows {
          Scalar.multiplyTile(
            panelOfA(row / gemmTileRows), panelOfB(column / b.panelLanes), depth: pass.depth,
            into: tile)
          finish(tile, row, column)
        }
        row &+= gemmTileRows
      }
      column &+= b.panelLanes
    }
  }

  /// C = alpha · tile + beta · D for a tile at this place, D being C after the first part
  /// of the depth.
  @inline(__always)
  private func finish(_ tile: UnsafeMutablePointer<Scalar>, _ row: Int, _ column: Int) {
    let call = pass.call
    let isFirst = pass.start == 0
    let alpha = Scalar(call.alpha)
    let beta = isFirst ? Scalar(call.beta) : 1
    let strideC = Int(call.c_stride)
    let strideD = isFirst ? Int(call.d_stride) : strideC
    let c = call.c.assumingMemoryBound(to: Scalar.self) + (row &* strideC &+ column)
    let source = isFirst ? call.d : UnsafeRawPointer(call.c)
    let d = source.assumingMemoryBound(to: Scalar.self) + (row &* strideD &+ column)
    let rows = min(gemmTileRows, a.lanes &- row)
    let columns = min(b.panelLanes, b.lanes &- column)
    for index in 0..<rows {
      let rowOfC = c + index &* strideC
      let rowOfD = d + index &* strideD
      let sums = tile + index &* b.panelLanes
      if columns == b.panelLanes {
        for half in 0..<2 {
          let offset = half &* Scalar.lanes
          var value = Scalar.scale(alpha, Scalar.load(sums + offset))
          if beta != 0 {
            value = Scalar.sum(value, Scalar.scale(beta, Scalar.load(rowOfD + offset)))
          }
          Scalar.store(value, to: rowOfC + offset)
        }
      } else if beta != 0 {
        for lane in 0..<columns { rowOfC[lane] = alpha * sums[lane] + beta * rowOfD[lane] }
      } else {
        for lane in 0..<columns { rowOfC[lane] = alpha * sums[lane] }
      }
    }
  }

  /// Copies what is below the diagonal to the same places above it, for some rows.
  private func mirror(_ task: Int) {
    let stride = Int(pass.call.c_stride)
    let c = pass.call.c.assumingMemoryBound(to: Scalar.self)
    let first = task &* Self.mirroredRows
    for row in first..<min(first &+ Self.mirroredRows, a.lanes) {
      for column in (row &+ 1)..<max(b.lanes, row &+ 1) {
        c[row &* stride &+ column] = c[column &* stride &+ row]
      }
    }
  }
}
