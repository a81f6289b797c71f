import CSwiftOpt
import SwiftOptShims

// Products through the CBLAS library that the user chose. Each task has it compute a block of
// rows on its own thread; the rest of the epilogue follows, tile by tile.

/// Whether the library is to compute the product: one of float32 or float64 alone, and not one
/// that is cut along its depth, of which the blocks of rows would be too few for the threads.
func isForLibrary(_ product: so_product, _ plan: Plan) -> Bool {
  let dtype = product.c_dtype
  let isPlain =
    product.may_use_library != 0 && product.b.is_packed == 0 && product.is_symmetric == 0
    && plan.slices == 1 && (dtype == SO_FLOAT32 || dtype == SO_FLOAT64)
    && product.a.dtype == dtype && product.b.dtype == dtype
  // What C takes the place of would be overwritten before the epilogue reads it.
  let c = UnsafeRawPointer(product.c)
  let isApart = product.residual != c && product.mask != c
  return isPlain && isApart && isSmall(product.rows) && isSmall(product.columns)
    && isSmall(product.depth) && isSmall(product.a.stride) && isSmall(product.b.stride)
    && isSmall(product.c_stride) && so_blas_is_available() != 0
}

/// Within the integers of any library.
private func isSmall(_ number: Int64) -> Bool { number <= Int64(Int32.max) }

extension Tasks {
  func multiplyByLibrary(_ block: Int, _ scratch: UnsafeMutableRawPointer) {
    let panels = plan.panels(ofBlock: block)
    let first = panels.lowerBound &* tileRows
    callLibrary(first, rows: min(panels.upperBound &* tileRows, plan.rows) &- first)
    var rest = product
    rest.alpha = 1
    rest.beta = 0
    withUnsafePointer(to: &rest) { rest in
      for columnPanel in 0..<plan.columnPanels {
        finishLibrary(rest, block, panels, columnPanel, scratch)
      }
    }
  }

  /// C = alpha · A · B + beta · C for some rows.
  private func callLibrary(_ first: Int, rows: Int) {
    typealias Sum = Numbers.Sum
    let call = product
    let a = call.a.data.assumingMemoryBound(to: Sum.self)
    let b = call.b.data.assumingMemoryBound(to: Sum.self)
    let c = call.c.assumingMemoryBound(to: Sum.self) + first &* Int(call.c_stride)
    let start = a + (call.a.is_transposed != 0 ? first : first &* Int(call.a.stride))
    let depth = call.alpha == 0 ? 0 : call.depth
    if MemoryLayout<Sum>.size == 8 {
      _ = so_blas_dgemm(
        Int64(rows), call.columns, depth, call.a.is_transposed, call.b.is_transposed,
        call.alpha, UnsafeRawPointer(start).assumingMemoryBound(to: Double.self), call.a.stride,
        UnsafeRawPointer(b).assumingMemoryBound(to: Double.self), call.b.stride, call.beta,
        UnsafeMutableRawPointer(c).assumingMemoryBound(to: Double.self), call.c_stride)
    } else {
      _ = so_blas_sgemm(
        Int64(rows), call.columns, depth, call.a.is_transposed, call.b.is_transposed,
        Float(call.alpha), UnsafeRawPointer(start).assumingMemoryBound(to: Float.self),
        call.a.stride, UnsafeRawPointer(b).assumingMemoryBound(to: Float.self), call.b.stride,
        Float(call.beta), UnsafeMutableRawPointer(c).assumingMemoryBound(to: Float.self),
        call.c_stride)
    }
  }

  /// The epilogue after the sums, for a panel of columns of a block of rows.
  private func finishLibrary(
    _ rest: UnsafePointer<so_product>, _ block: Int, _ panels: Range<Int>, _ columnPanel: Int,
    _ scratch: UnsafeMutableRawPointer
  ) {
    typealias Sum = Numbers.Sum
    let tile = scratch.assumingMemoryBound(to: Sum.self)
    let epilogue = Epilogue<Numbers, Sum>(
      rest, columnSums(block, columnPanel),
      scratch: tile + tileRows &* Numbers.tileColumns)
    let column = columnPanel &* plan.tileColumns
    let columns = min(plan.tileColumns, plan.columns &- column)
    for panel in panels {
      let row = panel &* tileRows
      let place = Place(
        row: row, column: column, rows: min(tileRows, plan.rows &- row), columns: columns,
        ahead: 0, isWhole: columns == plan.tileColumns, isFirst: panel == panels.lowerBound)
      if epilogue.isPlain {
        epilogue.addColumns(place)
        continue
      }
      let c = epilogue.target(place)
      for row in 0..<place.rows {
        for lane in 0..<columns {
          tile[row &* Numbers.tileColumns &+ lane] = c.start[row &* c.stride &+ lane]
        }
      }
      epilogue.run(tile, place)
    }
  }
}
