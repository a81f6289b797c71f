import CSwiftOpt
import SwiftOptABI
import SwiftOptSchedules
import XCTest

/// Numbers that can't be a machine's settings or state are refused, and nothing is written.
final class ControlNumbersTests: XCTestCase {
  private let hostile = [
    -1, 0.5, 2, .nan, .infinity, -.infinity, 0x1p53, -0x1p300, 0x1p300, 0x1p-1074,
    Double.greatestFiniteMagnitude,
  ]

  /// Every number in turn is replaced by a hostile one. Some of these are allowed (a best
  /// metric of 0.5): then a transition must lead to numbers that are allowed too.
  func testHostileNumbersAreRefusedOrHarmless() throws {
    for machine in [Machine.plateau(), .stopping(), .scaler()] {
      let machine = try XCTUnwrap(machine)
      var refused = 0
      for index in 0..<Int(SO_CONTROL_NUMBERS) {
        for value in hostile {
          for isState in [true, false] {
            var changed = machine
            if isState { changed.state[index] = value } else { changed.settings[index] = value }
            let before = changed.state
            let isRefused = changed.refusal() != nil
            let events = [1.0, 0].map { changed.observe($0) }
            XCTAssertEqual(events.contains(nil), isRefused)
            if isRefused {
              refused += 1
              XCTAssert(changed.state.elementsEqual(before) { $0.bitPattern == $1.bitPattern })
            } else {
              XCTAssertNil(changed.refusal())
            }
          }
        }
      }
      XCTAssertGreaterThan(refused, 60)
    }
  }

  func testTheMessageNamesTheNumber() throws {
    var machine = try XCTUnwrap(Machine.plateau())
    machine.state[SO_PLATEAU_VALUE] = 2
    XCTAssertEqual(machine.refusal(), "state.value: in [minimum, 1]")
    machine.settings[SO_PLATEAU_PATIENCE] = 1.5
    XCTAssertEqual(machine.refusal(), "settings.patience: a whole number in 0 ... 2**52")
  }

  func testEntriesThatAreNotUsedMustBeZero() throws {
    var machine = try XCTUnwrap(Machine.stopping())
    machine.settings[7] = 1
    XCTAssertEqual(machine.refusal(), "settings[7]")
  }

  func testSettingsThatContradictEachOther() {
    XCTAssertNil(Machine.scaler([SO_SCALER_MINIMUM: 2048]))
    XCTAssertNil(Machine.scaler([SO_SCALER_MAXIMUM: 512]))
    XCTAssertNil(Machine.scaler([SO_SCALER_MINIMUM: 2048, SO_SCALER_MAXIMUM: 2047]))
    XCTAssertNil(Machine.scaler([SO_SCALER_MINIMUM: 0]))
    XCTAssertNil(Machine.scaler([SO_SCALER_GROWTH_INTERVAL: 0]))
  }

  func testTheScalerIsToldOfSkippedStepsOnly() throws {
    var machine = try XCTUnwrap(Machine.scaler())
    for observation in [0.5, 2, -1, .nan] { XCTAssertNil(machine.observe(observation)) }
    XCTAssertEqual(machine.state[SO_SCALER_SCALE], 1024)
  }

  func testTheContractRefusesWhatIsNoMachine() {
    let settings = Machine.plateau()!.settings
    var state = Machine.plateau()!.state
    let before = state
    for machine: Int32 in [-1, 3, .max, .min] {
      XCTAssertEqual(so_control_begin(machine, settings, &state), so_status(SO_INVALID_VALUE))
      XCTAssertEqual(so_control_check(machine, settings, state), so_status(SO_INVALID_VALUE))
    }
    XCTAssertEqual(so_control_check(0, nil, state), so_status(SO_INVALID_VALUE))
    XCTAssertEqual(so_control_observe(0, settings, nil, 1, nil), so_status(SO_INVALID_VALUE))
    XCTAssertEqual(String(cString: so_last_error()), "state is NULL")
    XCTAssert(state.elementsEqual(before) { $0.bitPattern == $1.bitPattern })
  }
}
