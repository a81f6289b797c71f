/// A line from `start` to `peak`, which then stays.
///
///     start + (peak - start) · n / warmup    for n < warmup, then peak
///
/// Operands: start, peak, warmup; a warmup of 0 is at the peak at once. Source:
/// P. Goyal et al., "Accurate, Large Minibatch SGD", 2017 (arXiv:1706.02677), 2.2.
enum LinearWarmup: ClosedForm {
  static func operandCount(_: Operands) -> Int { 3 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[2] >= 0, at: 2, mustBe: "a warmup of 0 or more")
  }

  static func value(_ operands: Operands, at step: Double) -> Double {
    let (start, peak, warmup) = (operands[0], operands[1], operands[2])
    return step < warmup ? interpolate(from: start, to: peak, fraction: step / warmup) : peak
  }
}
