import CSwiftOpt
import SwiftOptShims

/// The independent parts of a product's work.
struct Tasks<Numbers: Arithmetic> {
  let call: UnsafePointer<Call>

  init(_ call: UnsafePointer<Call>) {
    self.call = call
  }

  @inline(__always)
  var product: so_product { call.pointee.product.pointee }
  @inline(__always)
  var plan: Plan { call.pointee.plan }
  @inline(__always)
  var work: Int { call.pointee.work }

  /// How many tasks there are, and how many to hand out together: a thread's part takes some
  /// microseconds at least.
  var countAndGrain: (Int, Int) {
    switch work {
    case Work.pack:
      let panelBytes = max(1, plan.steps &* plan.tileColumns &* Numbers.stepBytes)
      return (packedPanels &+ plan.rowGroups, max(1, 32768 / panelBytes))
    case Work.slice:
      return (plan.slices, 1)
    case Work.library:
      return (plan.rowBlocks, 1)
    case Work.mirror:
      return (divideUp(plan.rows, mirroredRows), 1)
    default:
      let panels = plan.goesByColumns ? plan.rowPanels : min(plan.rowPanels, Plan.blockPanels)
      // Storing a tile takes as long as some steps.
      let updates = max(1, (plan.steps &+ 16) &* tileRows &* panels)
      let blocks = plan.goesByColumns ? 1 : plan.rowBlocks
      return (blocks &* plan.columnPanels, max(1, 16384 / updates))
    }
  }

  /// Rows of C that are completed together when half of it was computed.
  var mirroredRows: Int { 32 }

  /// Panels of B that are packed before anything is multiplied.
  var packedPanels: Int { plan.bIsPacked || plan.goesByColumns ? 0 : plan.columnPanels }

  func run(_ range: Range<Int>, _ scratch: UnsafeMutableRawPointer) {
    for task in range {
      switch work {
      case Work.pack: pack(task)
      case Work.slice: multiplySlice(task)
      case Work.mirror: mirror(task)
      case Work.library: multiplyByLibrary(task, scratch)
      default: finish(task, scratch)
      }
    }
  }

  // ------------------------------------------------------------------- places

  @inline(__always)
  func slice(_ slice: Int) -> UnsafeMutableRawPointer {
    product.workspace! + slice &* plan.sliceBytes
  }

  @inline(__always)
  func packedA(slice: Int, group: Int) -> UnsafeMutableRawPointer {
    self.slice(slice) + group &* plan.aGroupBytes
  }

  @inline(__always)
  func packedB(slice: Int, _ panel: Int) -> UnsafeMutableRawPointer {
    if plan.bIsPacked {
      let bytes = alignUp(plan.steps &* plan.tileColumns &* Numbers.stepBytes)
      return UnsafeMutableRawPointer(mutating: product.b.data) + panel &* bytes
    }
    return self.slice(slice) + (plan.packedABytes &+ panel &* plan.bPanelBytes)
  }

  @inline(__always)
  func sums(slice: Int, _ rowPanel: Int, _ columnPanel: Int)
    -> UnsafeMutablePointer<Numbers.Sum>
  {
    let tile = rowPanel &* plan.columnPanels &+ columnPanel
    return
      (self.slice(slice) + (plan.packedABytes &+ plan.packedBBytes &+ tile &* plan.tileBytes))
      .assumingMemoryBound(to: Numbers.Sum.self)
  }

  /// Where the steps of a chunk begin in a panel of A, which is packed from step `start` on.
  @inline(__always)
  func a(slice: Int, _ panel: Int, _ chunk: Range<Int>, packedFrom start: Int) -> RowPanel {
    let row = plan.firstRow(ofPanel: panel)
    if plan.aIsDirect {
      let stepBytes = Numbers.stepBytes
      let rowBytes = Int(product.a.stride) &* (stepBytes / Numbers.stepDepth)
      return RowPanel(
        start: product.a.data + (row &* rowBytes &+ chunk.lowerBound &* stepBytes),
        rowStride: rowBytes, stepStride: stepBytes)
    }
    let group = row / Plan.groupRows
    let rowInGroup = row &- group &* Plan.groupRows
    let step = chunk.lowerBound &- start
    return RowPanel(
      start: packedA(slice: slice, group: group)
        + (rowInGroup &* plan.aRowStride &+ step &* plan.aStepStride),
      rowStride: plan.aRowStride, stepStride: plan.aStepStride)
  }
}
