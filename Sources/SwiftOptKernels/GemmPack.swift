import SwiftOptShims

/// An operand as the packing sees it: panels of neighbouring lanes (rows of op(A), columns
/// of op(B)), each `depth` steps long.
struct GemmOperand<Scalar: GemmScalar> {
  let source: UnsafePointer<Scalar>
  let stride: Int
  /// Whether neighbouring lanes are neighbours in memory, else those of the depth are.
  let lanesAreContiguous: Bool
  let lanes: Int
  let panelLanes: Int

  @inline(__always)
  var panels: Int { (lanes &+ panelLanes &- 1) / panelLanes }

  /// Writes a panel as its tiles read it: for each step of the depth all lanes. Lanes
  /// beyond the operand are 0; what comes of them is left out of the result.
  @inline(__always)
  func pack(
    _ panel: Int, depthFrom start: Int, depth: Int, to target: UnsafeMutablePointer<Scalar>
  ) {
    let firstLane = panel &* panelLanes
    let filled = min(panelLanes, lanes &- firstLane)
    if filled < panelLanes {
      for index in 0..<(depth &* panelLanes) { target[index] = 0 }
    }
    if lanesAreContiguous {
      for step in 0..<depth {
        let from = source + ((start &+ step) &* stride &+ firstLane)
        let to = target + step &* panelLanes
        if filled == panelLanes {
          for lane in 0..<panelLanes { to[lane] = from[lane] }
        } else {
          for lane in 0..<filled { to[lane] = from[lane] }
        }
      }
    } else {
      // Few enough steps at a time that the panel's part stays in the first cache level.
      for lane in 0..<filled {
        let from = source + ((firstLane &+ lane) &* stride &+ start)
        let to = target + lane
        for step in 0..<depth { to[step &* panelLanes] = from[step] }
      }
    }
  }
}
