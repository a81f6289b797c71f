import SwiftOptShims

extension Tasks {
  /// All tiles of a slice of the depth, in the workspace.
  func multiplySlice(_ slice: Int) {
    let end = min((slice &+ 1) &* plan.sliceSteps, plan.steps)
    let begin = min(slice &* plan.sliceSteps, end)
    var start = begin
    repeat {
      let chunk = plan.chunk(from: start, end: end)
      for group in 0..<plan.rowGroups {
        packA(group: group, chunk, to: packedA(slice: slice, group: group))
      }
      for columnPanel in 0..<plan.columnPanels {
        var b = packedB(slice: slice, columnPanel)
        if plan.bIsPacked {
          b += start &* plan.tileColumns &* Numbers.stepBytes
        } else {
          packB(panel: columnPanel, chunk, to: b)
        }
        for panel in 0..<plan.rowPanels {
          let sums = sums(slice: slice, panel, columnPanel)
          multiply(
            panel, columnPanel, a(slice: slice, panel, chunk, packedFrom: start), b, chunk.count,
            adding: start > begin ? sums : nil,
            to: TileTarget(start: sums, stride: Numbers.tileColumns))
        }
      }
      start = chunk.upperBound
    } while start < end
  }

  /// A tile as the sum of all slices', in order.
  func addSlices(
    _ panel: Int, _ columnPanel: Int, _ tile: UnsafeMutablePointer<Numbers.Sum>
  ) {
    typealias Sum = Numbers.Sum
    let first = sums(slice: 0, panel, columnPanel)
    var index = 0
    while index < tileRows &* Numbers.tileColumns {
      var sum = Sum.load(first + index)
      var slice = 1
      while slice < plan.slices {
        sum = Sum.add(sum, Sum.load(sums(slice: slice, panel, columnPanel) + index))
        slice &+= 1
      }
      Sum.store(sum, to: tile + index)
      index &+= Numbers.lanes
    }
  }
}
