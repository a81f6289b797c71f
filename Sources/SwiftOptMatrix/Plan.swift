import CSwiftOpt
import SwiftOptShims

/// Which of the arithmetics a product takes. Numbers, because an enumeration brings hashing
/// with it.
enum ArithmeticKind {
  static var float32: Int { 0 }
  static var float64: Int { 1 }
  static var bfloat16: Int { 2 }

  @inline(__always)
  static func of(_ product: so_product) -> Int {
    if product.a.dtype == SO_FLOAT64 || product.b.dtype == SO_FLOAT64 { return float64 }
    if product.a.dtype == SO_BFLOAT16 || product.b.dtype == SO_BFLOAT16 { return bfloat16 }
    return float32
  }
}

/// How a product is divided. It depends on the product's shape, dtypes and orientations, never
/// on the number of threads, and so do the bits of the result.
///
/// Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication": B is packed
/// into panels of columns, cut into chunks of the depth that stay in the first cache level
/// while a block of rows of A passes by. A deep product with few tiles is cut along the depth
/// instead: each slice packs its own parts and sums up all tiles, and the slices' sums are
/// added in order.
struct Plan {
  let rows, columns: Int
  /// Of the whole depth.
  let steps: Int
  let rowPanels, columnPanels: Int
  let tileColumns: Int
  /// Row panels that are finished together.
  let rowBlocks: Int
  /// Steps that are multiplied before the next row panel's turn.
  let chunkSteps: Int
  let slices, sliceSteps: Int
  let aIsDirect: Bool
  let bIsPacked: Bool
  /// A task takes a whole panel of columns, and packs its part of B itself.
  let goesByColumns: Bool
  /// Bytes between two rows and between two steps of packed A, of its groups of rows, and of a
  /// packed panel of B.
  let aRowStride, aStepStride, aGroupBytes, bPanelBytes: Int
  let tileBytes: Int

  /// Row panels of a block, whose sums are in a task's scratch, beside one more tile and a row.
  static var blockPanels: Int { 9 }
  /// So that a panel of B takes half of a first cache level of 32 KiB.
  static var greatestChunkBytes: Int { 24576 }
  /// How large A may be to be read again for every panel of columns: in the second cache level.
  static var greatestRowBytes: Int { 1 << 20 }
  /// Rows of A that are packed together: whole panels, and whole cache lines for each step.
  static var groupRows: Int { 48 }

  init<Numbers: Arithmetic>(_ numbers: Numbers.Type, _ product: so_product) {
    rows = Int(product.rows)
    columns = Int(product.columns)
    // As in BLAS: with alpha = 0, A and B are not looked at.
    let depth = product.alpha == 0 ? 0 : Int(product.depth)
    steps = Numbers.steps(depth)
    tileColumns = Numbers.tileColumns
    rowPanels = divideUp(rows, tileRows)
    columnPanels = divideUp(columns, tileColumns)
    rowBlocks = divideUp(rowPanels, Self.blockPanels)
    tileBytes = tileRows &* tileColumns &* MemoryLayout<Numbers.Sum>.size

    let stepBytes = Numbers.stepBytes
    let tiles = rowPanels &* columnPanels
    bIsPacked = product.b.is_packed != 0
    if tiles > 0 && tiles <= 256 && steps >= 2048 {
      slices = max(2, min(16, 1024 / tiles))
    } else {
      slices = 1
    }
    sliceSteps = divideUp(steps, slices)
    let greatest = Self.greatestChunkBytes / (tileColumns &* stepBytes)
    chunkSteps = max(1, divideUp(sliceSteps, max(1, divideUp(sliceSteps, greatest))))

    let elementBytes = product.a.dtype == SO_BFLOAT16 ? 2 : product.a.dtype == SO_FLOAT64 ? 8 : 4
    let rowBytes = Int(product.a.stride) &* elementBytes
    aIsDirect =
      product.a.is_transposed == 0 && elementBytes &* Numbers.stepDepth == stepBytes
      && !(ArithmeticKind.of(product) == ArithmeticKind.bfloat16 && elementBytes == 4)
      && depth % Numbers.stepDepth == 0
      // Rows that lie 4 KiB apart push each other out of the first cache level.
      && rowBytes % 4096 != 0
      // A last panel that isn't full begins some rows earlier.
      && (rows >= tileRows || rows % tileThird == 0)
    goesByColumns =
      rows > 0 && slices == 1 && !bIsPacked && columnPanels >= 4
      && rows &* steps &* stepBytes <= Self.greatestRowBytes
    let packedSteps = slices > 1 ? chunkSteps : steps
    if product.a.is_transposed != 0 {
      aRowStride = stepBytes
      aStepStride = Self.groupRows &* stepBytes
      aGroupBytes = packedSteps &* aStepStride
    } else {
      let bytes = alignUp(packedSteps &* stepBytes)
      aRowStride = bytes &+ (bytes % 4096 == 0 ? 64 : 0)
      aStepStride = stepBytes
      aGroupBytes = Self.groupRows &* aRowStride
    }
    bPanelBytes = alignUp(packedSteps &* tileColumns &* stepBytes)
  }

  // The workspace: for each slice its packed A and B and its sums, then the columns' sums.

  var rowGroups: Int { aIsDirect ? 0 : divideUp(rows, Self.groupRows) }
  var packedABytes: Int { rowGroups &* aGroupBytes }
  var packedBBytes: Int { bIsPacked ? 0 : columnPanels &* bPanelBytes }
  var sliceSumBytes: Int { slices > 1 ? rowPanels &* columnPanels &* tileBytes : 0 }
  var sliceBytes: Int { packedABytes &+ packedBBytes &+ sliceSumBytes }
  /// One kind of columns' sums, of each block of rows.
  var columnSumBytes: Int { rowBlocks &* sumColumns &* 8 }
  /// As many as in whole tiles.
  var sumColumns: Int { columnPanels &* tileColumns }

  func workspaceBytes(columnSums: Int) -> Int {
    slices &* sliceBytes &+ columnSums &* columnSumBytes
  }

  /// The first of a panel's rows that are computed. The last panel may have fewer than are
  /// computed: packed, it is filled up, in the caller's memory it begins with some rows of the
  /// panel before.
  func firstRow(ofPanel panel: Int) -> Int {
    let first = panel &* tileRows
    return aIsDirect ? min(first, rows &- thirds(ofPanel: panel) &* tileThird) : first
  }

  /// How much of a panel is computed.
  func thirds(ofPanel panel: Int) -> Int {
    divideUp(min(tileRows, rows &- panel &* tileRows), tileThird)
  }

  /// The row panels of a block.
  func panels(ofBlock block: Int) -> Range<Int> {
    (block &* rowPanels / rowBlocks)..<((block &+ 1) &* rowPanels / rowBlocks)
  }

  func chunk(from start: Int, end: Int) -> Range<Int> { start..<min(start &+ chunkSteps, end) }
}

@inline(__always)
func divideUp(_ value: Int, _ unit: Int) -> Int { (value &+ unit &- 1) / unit }

@inline(__always)
func alignUp(_ bytes: Int) -> Int { (bytes &+ 63) & ~63 }
