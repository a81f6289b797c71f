import CSwiftOpt

/// Why some numbers are not a machine's settings, state or observation.
public enum ControlFault: Error {
  /// The array that a number is in.
  public enum Place: Sendable { case settings, state, argument }

  /// A number has a value that is not allowed.
  case number(Place, StaticString, Double, mustBe: StaticString)
  /// An entry that the machine doesn't use is not 0.
  case unused(Place, index: Int, Double)
  /// There is no machine of that number.
  case unknown(Int32)
}

/// `SO_CONTROL_NUMBERS` numbers of the caller's, with the checks that machines share.
struct ControlNumbers {
  private let numbers: UnsafePointer<Double>
  private let place: ControlFault.Place

  init(_ numbers: UnsafePointer<Double>, _ place: ControlFault.Place) {
    self.numbers = numbers
    self.place = place
  }

  /// The number at `index`; throws unless it is as `isAllowed` says.
  func number(
    _ index: Int, _ name: StaticString, mustBe: StaticString, _ isAllowed: (Double) -> Bool
  ) throws(ControlFault) -> Double {
    let value = numbers[index]
    if !isAllowed(value) { throw ControlFault.number(place, name, value, mustBe: mustBe) }
    return value
  }

  func count(
    _ index: Int, _ name: StaticString
  ) throws(ControlFault) -> Double {
    try number(index, name, mustBe: "a whole number in 0 ... 2**52") { isCount($0) }
  }

  func flag(_ index: Int, _ name: StaticString) throws(ControlFault) -> Bool {
    try number(index, name, mustBe: "0 or 1") { $0 == 0 || $0 == 1 } == 1
  }

  func threshold(_ index: Int, _ name: StaticString) throws(ControlFault) -> Double {
    try number(index, name, mustBe: "finite and >= 0") { $0 >= 0 && $0.isFinite }
  }

  /// The best metric, or NaN for none.
  func best(_ index: Int) throws(ControlFault) -> Double {
    try number(index, "best", mustBe: "finite, or nan for none") { $0.isFinite || $0.isNaN }
  }

  /// Throws unless all entries from `index` on are 0.
  func unused(from index: Int) throws(ControlFault) {
    for index in index..<Int(SO_CONTROL_NUMBERS) where numbers[index] != 0 {
      throw ControlFault.unused(place, index: index, numbers[index])
    }
  }
}

/// The last count: beyond 2^53 a double no longer counts.
private let lastCount = 0x1p52

private func isCount(_ value: Double) -> Bool {
  value >= 0 && value <= lastCount && wholePart(value) == value
}

/// Counts one more.
func increment(_ count: inout Double) {
  if count < lastCount { count += 1 }
}

/// When a metric is better than the best one so far.
struct Improvement {
  let maximizes: Bool
  let threshold: Double
  let isRelative: Bool

  /// Whether `metric` is beyond `best` by more than the threshold; any finite one is
  /// better than NaN.
  ///
  /// A relative threshold is a share of the best metric's magnitude. Written as a factor
  /// 1 ± threshold it rounds as torch's does, whose sign is the other one below 0 (there a
  /// metric that gets a little worse would count as better).
  func isMade(by metric: Double, over best: Double) -> Bool {
    guard metric.isFinite else { return false }
    guard !best.isNaN else { return true }
    let bound: Double
    if isRelative {
      bound = best * ((best >= 0) == maximizes ? 1 + threshold : 1 - threshold)
    } else {
      bound = maximizes ? best + threshold : best - threshold
    }
    return maximizes ? metric > bound : metric < bound
  }
}
