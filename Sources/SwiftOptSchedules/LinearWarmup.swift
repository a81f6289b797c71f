/// A line from `start` to `peak`, which then stays.
///
///     start + (peak - start) · n / warmup    for n < warmup, then peak
///
/// Operands: start, peak, warmup; a warmup of 0 is at the peak at once. Source:
/// P. Goyal et al., "Accurate, Large Minibatch SGD", 2017 (arXiv:1706.02677), 2.2.
struct LinearWarmup: PointwiseForm {
  private let start: Double
  private let peak: Double
  private let warmup: Double

  static func operandCount(_: Operands) -> Int { 3 }

  static func check(_ operands: Operands) throws(ScheduleFault) {
    try operands.require(operands[2] >= 0, at: 2, mustBe: "a warmup of 0 or more")
  }

  init(_ operands: Operands) {
    (start, peak, warmup) = (operands[0], operands[1], operands[2])
  }

  @inline(__always)
  func value(at step: Double) -> Double {
    interpolate(from: start, to: peak, fraction: step < warmup ? step / warmup : 1)
  }
}
