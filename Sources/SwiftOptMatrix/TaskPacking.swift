import CSwiftOpt
import SwiftOptShims

/// Neighbouring lanes that are packed together.
private struct Piece {
  let operand: so_operand
  /// As those of `Lanes`.
  let areContiguous: Bool
  let count: Int
  let first, width, unit: Int
  /// Bytes between lanes that are copied rather than brought together step by step, or 0.
  let laneStride: Int
}

extension Tasks {
  /// Packs a panel of B or a group of rows of A.
  func pack(_ task: Int) {
    let all = 0..<plan.steps
    if task < packedPanels {
      packB(panel: task, all, to: packedB(slice: 0, task))
    } else {
      let group = task &- packedPanels
      packA(group: group, all, to: packedA(slice: 0, group: group))
    }
  }

  func packB(panel: Int, _ range: Range<Int>, to target: UnsafeMutableRawPointer) {
    let piece = Piece(
      operand: product.b, areContiguous: product.b.is_transposed == 0, count: plan.columns,
      first: panel &* plan.tileColumns, width: plan.tileColumns, unit: Numbers.lanes,
      laneStride: 0)
    pack(piece, range, target)
  }

  func packA(group: Int, _ range: Range<Int>, to target: UnsafeMutableRawPointer) {
    let isTransposed = product.a.is_transposed != 0
    let piece = Piece(
      operand: product.a, areContiguous: isTransposed, count: plan.rows,
      first: group &* Plan.groupRows, width: Plan.groupRows, unit: tileThird,
      laneStride: isTransposed ? 0 : plan.aRowStride)
    pack(piece, range, target)
  }

  /// The conditions on types, which the compiler knows, leave out what never comes.
  private func pack(
    _ piece: Piece, _ range: Range<Int>, _ target: UnsafeMutableRawPointer
  ) {
    switch Int(piece.operand.dtype) {
    case SO_FLOAT64:
      if Numbers.Sum.self == Double.self { pack(Double.self, piece, range, target) }
    case SO_BFLOAT16:
      if Numbers.multipliesBFloat16 { pack(BFloat16.self, piece, range, target) }
    default:
      if call.pointee.kind == ArithmeticKind.bfloat16 {
        if Numbers.multipliesBFloat16 && Numbers.Sum.self == Float.self {
          pack(RoundedFloat.self, piece, range, target)
        }
      } else if Numbers.multipliesFloat32 {
        pack(Float.self, piece, range, target)
      }
    }
  }

  @inline(never)
  private func pack<Source: Element>(
    _ type: Source.Type, _ piece: Piece, _ range: Range<Int>, _ target: UnsafeMutableRawPointer
  ) {
    let operand = piece.operand
    let lanes = Lanes(
      source: operand.data.assumingMemoryBound(to: type), stride: Int(operand.stride),
      areContiguous: piece.areContiguous, count: piece.count, depth: Int(product.depth))
    if piece.laneStride == 0 {
      lanes.pack(
        Numbers.self, from: piece.first, width: piece.width, unit: piece.unit, steps: range,
        to: target.assumingMemoryBound(to: Numbers.Step.self))
    } else {
      let filled = min(piece.width, piece.count &- piece.first)
      for lane in 0..<(divideUp(filled, piece.unit) &* piece.unit) {
        let steps = (target + lane &* piece.laneStride)
          .assumingMemoryBound(to: Numbers.Step.self)
        if lane < filled {
          lanes.copy(Numbers.self, lane: piece.first &+ lane, steps: range, to: steps)
        } else {
          let nothing = Numbers.step(Numbers.noPart, Numbers.noPart)
          for step in 0..<range.count { steps[step] = nothing }
        }
      }
    }
  }
}
