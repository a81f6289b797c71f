import CSwiftOpt
import SwiftOptShims

extension Tasks {
  /// A panel of columns of C, or of a block of rows of it.
  func finish(_ task: Int, _ scratch: UnsafeMutableRawPointer) {
    if plan.goesByColumns {
      packB(panel: task, 0..<plan.steps, to: packedB(slice: 0, task))
      for block in 0..<plan.rowBlocks { finish(block: block, columnPanel: task, scratch) }
    } else {
      let block = task / plan.columnPanels
      finish(block: block, columnPanel: task &- block &* plan.columnPanels, scratch)
    }
  }

  private func finish(block: Int, columnPanel: Int, _ scratch: UnsafeMutableRawPointer) {
    switch Int(product.c_dtype) {
    case SO_FLOAT64: finish(Double.self, block, columnPanel, scratch)
    case SO_BFLOAT16: finish(BFloat16.self, block, columnPanel, scratch)
    default: finish(Float.self, block, columnPanel, scratch)
    }
  }

  @inline(__always)
  private func finish<Stored: Element>(
    _ stored: Stored.Type, _ block: Int, _ columnPanel: Int, _ scratch: UnsafeMutableRawPointer
  ) {
    let panels = plan.panels(ofBlock: block)
    let tiles = scratch.assumingMemoryBound(to: Numbers.Sum.self)
    let tileSize = tileRows &* Numbers.tileColumns
    let epilogue = Epilogue<Numbers, Stored>(
      call.pointee.product, columnSums(block, columnPanel),
      scratch: tiles + Plan.blockPanels &* tileSize)
    if plan.slices > 1 {
      for panel in panels where isComputed(panel, columnPanel) {
        addSlices(panel, columnPanel, tiles)
        let place = place(panel, columnPanel, panels)
        epilogue.run(tiles + place.ahead &* Numbers.tileColumns, place)
      }
      return
    }
    let isPlain = epilogue.isPlain
    var start = 0
    repeat {
      let chunk = plan.chunk(from: start, end: plan.steps)
      let b = packedB(slice: 0, columnPanel) + start &* plan.tileColumns &* Numbers.stepBytes
      for panel in panels where isComputed(panel, columnPanel) {
        let tile = tiles + (panel &- panels.lowerBound) &* tileSize
        let a = a(slice: 0, panel, chunk, packedFrom: 0)
        let sums = start > 0 ? UnsafePointer(tile) : nil
        let scratch = TileTarget(start: tile, stride: Numbers.tileColumns)
        if chunk.upperBound < plan.steps {
          multiply(panel, columnPanel, a, b, chunk.count, adding: sums, to: scratch)
          continue
        }
        let place = place(panel, columnPanel, panels)
        let c = epilogue.target(place)
        prefetch(c, place)
        if epilogue.isDirect && isPlain && place.isWhole {
          multiply(panel, columnPanel, a, b, chunk.count, adding: sums, to: c)
          epilogue.addColumns(place)
        } else {
          multiply(panel, columnPanel, a, b, chunk.count, adding: sums, to: scratch)
          epilogue.run(tile + place.ahead &* Numbers.tileColumns, place)
        }
      }
      start = chunk.upperBound
    } while start < plan.steps
  }

  @inline(__always)
  func multiply<Stored: Element>(
    _ panel: Int, _ columnPanel: Int, _ a: RowPanel, _ b: UnsafeRawPointer, _ steps: Int,
    adding sums: UnsafePointer<Numbers.Sum>?, to target: TileTarget<Stored>
  ) {
    let columns = plan.columns &- columnPanel &* plan.tileColumns
    multiplyTile(
      Numbers.self, a, b.assumingMemoryBound(to: Numbers.Step.self), steps: steps,
      thirds: plan.thirds(ofPanel: panel), isNarrow: columns <= Numbers.lanes, adding: sums,
      to: target)
  }

  @inline(__always)
  private func place(_ panel: Int, _ columnPanel: Int, _ block: Range<Int>) -> Place {
    let row = panel &* tileRows
    let column = columnPanel &* plan.tileColumns
    let columns = min(plan.tileColumns, plan.columns &- column)
    let ahead = row &- plan.firstRow(ofPanel: panel)
    let rows = min(tileRows, plan.rows &- row)
    return Place(
      row: row, column: column, rows: rows, columns: columns, ahead: ahead,
      isWhole: columns == plan.tileColumns && ahead == 0 && rows % tileThird == 0,
      isFirst: panel == block.lowerBound)
  }

  /// Brings what a tile will be stored to near, while it is computed.
  @inline(__always)
  private func prefetch<Stored: Element>(_ target: TileTarget<Stored>, _ place: Place) {
    var row = target.start
    for _ in 0..<place.rows {
      var column = 0
      while column < place.columns {
        so_matrix_prefetch_to_write(row + column)
        column &+= 64 / MemoryLayout<Stored>.size
      }
      row += target.stride
    }
  }

  /// The sums of a block's columns in the workspace.
  @inline(__always)
  func columnSums(_ block: Int, _ columnPanel: Int) -> ColumnSums {
    let place = block &* plan.sumColumns &+ columnPanel &* plan.tileColumns
    var part = product.workspace.map {
      ($0 + plan.slices &* plan.sliceBytes).assumingMemoryBound(to: Double.self) + place
    }
    var sums = ColumnSums()
    if product.column_sums != nil {
      sums.plain = part
      part = part.map { $0 + plan.columnSumBytes / 8 }
    }
    if product.column_square_sums != nil { sums.squares = part }
    return sums
  }
}
