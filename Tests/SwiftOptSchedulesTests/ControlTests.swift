import CSwiftOpt
import XCTest

/// Transitions of the state machines, worked out by hand from the rules in swiftopt.h, and
/// what their numbers may be.
final class ControlTests: XCTestCase {
  func testAPlateauReducesAfterMoreThanPatienceBadObservations() throws {
    var machine = try XCTUnwrap(Machine.plateau())
    let values = [3.0, 2, 2, 2.5, 2, 1, 1, 1].map { metric in
      _ = machine.observe(metric)
      return machine.state[SO_PLATEAU_VALUE]
    }
    XCTAssertEqual(values, [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25])
    XCTAssertEqual(machine.state[SO_PLATEAU_REDUCTIONS], 2)
  }

  /// The cooldown begins with the observation after the reduction.
  func testObservationsInTheCooldownAreNotBad() throws {
    var machine = try XCTUnwrap(Machine.plateau([SO_PLATEAU_COOLDOWN: 2, SO_PLATEAU_PATIENCE: 0]))
    let events = (0..<8).map { _ in machine.observe(1)! & SO_VALUE_REDUCED }
    XCTAssertEqual(events.map { $0 != 0 }, [false, true, false, false, true, false, false, true])
  }

  func testAPlateauStaysAtTheMinimum() throws {
    var machine = try XCTUnwrap(Machine.plateau([SO_PLATEAU_PATIENCE: 0, SO_PLATEAU_MINIMUM: 0.3]))
    let events = (0..<5).map { _ in machine.observe(1)! & SO_VALUE_REDUCED != 0 }
    XCTAssertEqual(events, [false, true, true, false, false])
    XCTAssertEqual(machine.state[SO_PLATEAU_VALUE], 0.3)
  }

  /// A threshold of 1 % of a metric of either sign, from either side.
  func testARelativeThresholdIsAShareOfTheMagnitude() throws {
    for (best, maximize, bound) in [
      (100.0, 0.0, 99.0), (-100, 0, -101), (100, 1, 101), (-100, 1, -99),
    ] {
      for (metric, isBetter) in [(bound - 0.5, maximize == 0), (bound + 0.5, maximize == 1)] {
        var machine = try XCTUnwrap(
          Machine.plateau([
            SO_PLATEAU_THRESHOLD: 0.01, SO_PLATEAU_RELATIVE: 1, SO_PLATEAU_MAXIMIZE: maximize,
          ]))
        XCTAssertEqual(machine.observe(best), SO_METRIC_IMPROVED)
        XCTAssertEqual(machine.observe(metric), isBetter ? SO_METRIC_IMPROVED : 0, "\(metric)")
      }
    }
  }

  func testAMetricThatIsNotFiniteIsNoImprovement() throws {
    for metric in [Double.nan, .infinity, -.infinity] {
      for maximize in [0.0, 1] {
        var plateau = try XCTUnwrap(Machine.plateau([SO_PLATEAU_MAXIMIZE: maximize]))
        var stopping = try XCTUnwrap(Machine.stopping([SO_STOPPING_MAXIMIZE: maximize]))
        for before in [true, false] {
          XCTAssertEqual(plateau.observe(metric), SO_METRIC_NONFINITE)
          XCTAssertEqual(stopping.observe(metric), SO_METRIC_NONFINITE)
          XCTAssertEqual(plateau.state[SO_PLATEAU_BEST].isNaN, before)
          XCTAssertEqual(plateau.observe(5), before ? SO_METRIC_IMPROVED : SO_VALUE_REDUCED)
          XCTAssertEqual(stopping.observe(5), before ? SO_METRIC_IMPROVED : SO_SHOULD_STOP)
        }
        XCTAssertEqual(plateau.state[SO_PLATEAU_NONFINITE], 2)
        XCTAssertEqual(stopping.state[SO_STOPPING_NONFINITE], 2)
      }
    }
  }

  func testStoppingComesWithTheLastOfPatience() throws {
    var machine = try XCTUnwrap(Machine.stopping([SO_STOPPING_MIN_DELTA: 0.5]))
    let events = [3.0, 2.6, 2.4, 2.1, 1.9, 1.8].map { machine.observe($0)! }
    let better = SO_METRIC_IMPROVED
    XCTAssertEqual(events, [better, 0, better, 0, SO_SHOULD_STOP, better])
    XCTAssertEqual(machine.state.prefix(4), [1.8, 0, 6, 0])
  }

  func testAScaleGrowsAfterAnIntervalAndBacksOffAtOnce() throws {
    var machine = try XCTUnwrap(Machine.scaler())
    let scales = [0.0, 0, 0, 0, 0, 1, 0, 0, 0].map { observation in
      _ = machine.observe(observation)
      return machine.state[SO_SCALER_SCALE]
    }
    XCTAssertEqual(scales, [1024, 1024, 2048, 2048, 2048, 1024, 1024, 1024, 2048])
    XCTAssertEqual(machine.state.prefix(4), [2048, 0, 8, 1])
  }

  func testAScaleStaysWithinItsBounds() throws {
    var machine = try XCTUnwrap(Machine.scaler([SO_SCALER_GROWTH_INTERVAL: 1]))
    for _ in 0..<300 { _ = machine.observe(0) }
    XCTAssertEqual(machine.state[SO_SCALER_SCALE], 0x1p126)
    XCTAssertEqual(machine.observe(0), 0)
    for _ in 0..<600 { _ = machine.observe(1) }
    XCTAssertEqual(machine.state[SO_SCALER_SCALE], 0x1p-126)
    XCTAssertEqual(machine.observe(1), 0)
  }

  func testScalesAreFloat32Numbers() throws {
    var machine = try XCTUnwrap(
      Machine.scaler([SO_SCALER_INITIAL_SCALE: 1000.1, SO_SCALER_BACKOFF_FACTOR: 0.3]))
    XCTAssertEqual(machine.state[SO_SCALER_SCALE], Double(Float(1000.1)))
    _ = machine.observe(1)
    XCTAssertEqual(machine.state[SO_SCALER_SCALE], Double(Float(Double(Float(1000.1)) * 0.3)))
  }

  func testAStaticScaleStays() throws {
    var machine = try XCTUnwrap(Machine.scaler([SO_SCALER_DYNAMIC: 0]))
    for observation in [0.0, 0, 0, 0, 1] { XCTAssertEqual(machine.observe(observation), 0) }
    XCTAssertEqual(machine.state.prefix(4), [1024, 0, 4, 1])
  }

  /// Beyond 2^53 a double would no longer count.
  func testCountsStayAtTheirEnd() throws {
    var machine = try XCTUnwrap(Machine.plateau())
    machine.state[SO_PLATEAU_OBSERVATIONS] = 0x1p52
    XCTAssertEqual(machine.observe(.nan), SO_METRIC_NONFINITE)
    XCTAssertEqual(machine.state[SO_PLATEAU_OBSERVATIONS], 0x1p52)
    XCTAssertNil(machine.refusal())
  }
}
