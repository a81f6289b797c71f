import SwiftOptMath

/// Evaluation in blocks: each operator of the tree runs over a block of steps at once,
/// in a loop without decisions, instead of the tree over each step. One step is a block
/// of one and has the same bits.
extension ScheduleProgram {
  /// Doubles of scratch memory that any program can be evaluated with.
  public static let minimumScratch = 2 * (maximumDepth + 1)
  /// Steps of a block, if the scratch memory has room for them at each depth.
  private static var blockSize: Int { 256 }

  /// The values for the updates after `steps[i]` completed ones, which are finite and
  /// >= 0. `values` may be `steps`.
  ///
  /// Infinity or NaN where a sum, a product or a growing exponential overflows.
  public func evaluate(
    at steps: UnsafePointer<Double>, count: Int, into values: UnsafeMutablePointer<Double>,
    scratch: UnsafeMutablePointer<Double>, scratchCount: Int
  ) {
    let room = scratchCount / (2 &* (depth &+ 1))
    let blockSize = room < Self.blockSize ? room : Self.blockSize
    guard blockSize > 0 else { return }
    var begin = 0
    while begin < count {
      let size = count &- begin < blockSize ? count &- begin : blockSize
      // A copy, because `values` may be `steps`.
      let copy = scratch
      copy.update(from: steps + begin, count: size)
      let frame = Frame(
        steps: UnsafePointer(copy), count: size, scratch: scratch + 2 &* blockSize,
        blockSize: blockSize)
      evaluate(0, frame, into: values + begin)
      begin &+= size
    }
  }

  /// Steps of a part of the tree, and scratch memory for two blocks at each depth of it.
  private struct Frame {
    let steps: UnsafePointer<Double>
    let count: Int
    let scratch: UnsafeMutablePointer<Double>
    let blockSize: Int

    var firstBlock: UnsafeMutablePointer<Double> { scratch }
    var secondBlock: UnsafeMutablePointer<Double> { scratch + blockSize }

    func below(_ steps: UnsafePointer<Double>) -> Frame {
      Frame(steps: steps, count: count, scratch: scratch + 2 &* blockSize, blockSize: blockSize)
    }
  }

  private func evaluate(
    _ position: Int, _ frame: Frame, into values: UnsafeMutablePointer<Double>
  ) {
    let code = code(at: position)
    let operands = operands(from: position &+ 1)
    if let formula = Formula(code: code) {
      let block = Block(
        steps: frame.steps, values: values, count: frame.count, high: frame.firstBlock,
        low: frame.secondBlock)
      return formula.evaluate(operands, block)
    }
    // Nothing else, unless the numbers have changed since they were checked.
    guard let joint = Joint(code: code) else { return }
    let first = operands.position &+ joint.operandCount
    let otherSteps = frame.firstBlock
    let otherValues = frame.secondBlock
    let same = frame.below(frame.steps)
    let other = frame.below(UnsafePointer(otherSteps))

    switch joint {
    case .then:
      let handOver = operands[0]
      let before = shift(frame, by: handOver, into: otherSteps)
      if before == frame.count {
        return evaluate(first, same, into: values)
      }
      if before == 0 {
        return evaluate(end(of: first), other, into: values)
      }
      evaluate(first, same, into: values)
      evaluate(end(of: first), other, into: otherValues)
      var index = 0
      while index < frame.count {
        values[index] = frame.steps[index] < handOver ? values[index] : otherValues[index]
        index &+= 1
      }
    case .repeat:
      wrap(frame, every: operands[0], times: operands[1], into: otherSteps)
      evaluate(first, other, into: values)
    case .add, .multiply, .minimum, .maximum:
      evaluate(first, same, into: values)
      evaluate(end(of: first), same, into: otherValues)
      var index = 0
      while index < frame.count {
        values[index] = joint.join(values[index], otherValues[index])
        index &+= 1
      }
    }
  }

  /// Counts the steps from `handOver` on; returns how many were before it.
  private func shift(
    _ frame: Frame, by handOver: Double, into shifted: UnsafeMutablePointer<Double>
  ) -> Int {
    var before = 0
    var index = 0
    while index < frame.count {
      let step = frame.steps[index]
      shifted[index] = step < handOver ? 0 : step - handOver
      before &+= step < handOver ? 1 : 0
      index &+= 1
    }
    return before
  }

  /// Counts the steps anew `every` so many, but the last of so many `times` goes on.
  private func wrap(
    _ frame: Frame, every length: Double, times: Double,
    into wrapped: UnsafeMutablePointer<Double>
  ) {
    let last = times > 0 ? (times - 1) * length : Double.infinity
    var index = 0
    while index < frame.count {
      let step = frame.steps[index]
      let position = EqualCycle(at: step, length: length).position.high
      wrapped[index] = step < last ? position : step - last
      index &+= 1
    }
  }

  /// Where the schedule that starts at `position` ends.
  private func end(of position: Int) -> Int {
    var position = position
    var due = 1
    while due > 0, position < length {
      let code = code(at: position)
      let operands = operands(from: position &+ 1)
      if let formula = Formula(code: code) {
        position = operands.position &+ formula.operandCount(operands)
        due &-= 1
      } else if let joint = Joint(code: code) {
        position = operands.position &+ joint.operandCount
        due &+= joint.scheduleCount &- 1
      } else {
        return length
      }
    }
    return position
  }
}
