import CSwiftOpt
import SwiftOptSchedules
import XCTest

/// A machine with its numbers, as a caller of the C contract has them.
struct Machine {
  let id: Int
  var settings: [Double]
  var state: [Double] = Array(repeating: -7, count: Int(SO_CONTROL_NUMBERS))

  /// `nil` if the settings are refused.
  init?(_ id: Int, _ settings: [Int: Double]) {
    self.id = id
    self.settings = Self.numbers(settings)
    var state = state
    guard case .success = Self.tell({ try beginControl(Int32(id), self.settings, &state) })
    else { return nil }
    self.state = state
  }

  static func numbers(_ entries: [Int: Double]) -> [Double] {
    (0..<Int(SO_CONTROL_NUMBERS)).map { entries[$0] ?? 0 }
  }

  /// The events; the state moves.
  mutating func observe(_ observation: Double) -> Int? {
    var state = state
    var events = 0
    guard
      case .success = Self.tell({
        events = try observeControl(Int32(id), settings, &state, observation)
      })
    else { return nil }
    self.state = state
    return events
  }

  /// Why the numbers are refused; nil if they are not.
  func refusal() -> String? {
    switch Self.tell({ try checkControl(Int32(id), settings, state) }) {
    case .success: nil
    case .failure(.number(let place, let name, _, let mustBe)): "\(place).\(name): \(mustBe)"
    case .failure(.unused(let place, let index, _)): "\(place)[\(index)]"
    case .failure(.unknown(let machine)): "machine \(machine)"
    }
  }

  private static func tell(_ body: () throws -> Void) -> Result<Void, ControlFault> {
    do { return .success(try body()) } catch { return .failure(error as! ControlFault) }
  }

  static func plateau(_ changes: [Int: Double] = [:]) -> Machine? {
    let settings = [
      SO_PLATEAU_FACTOR: 0.5, SO_PLATEAU_PATIENCE: 1, SO_PLATEAU_THRESHOLD: 0,
    ]
    return Machine(SO_REDUCE_ON_PLATEAU, settings.merging(changes) { $1 })
  }

  static func stopping(_ changes: [Int: Double] = [:]) -> Machine? {
    Machine(SO_EARLY_STOPPING, [SO_STOPPING_PATIENCE: 2].merging(changes) { $1 })
  }

  static func scaler(_ changes: [Int: Double] = [:]) -> Machine? {
    let settings = [
      SO_SCALER_INITIAL_SCALE: 1024, SO_SCALER_GROWTH_FACTOR: 2, SO_SCALER_BACKOFF_FACTOR: 0.5,
      SO_SCALER_GROWTH_INTERVAL: 3, SO_SCALER_MINIMUM: 0x1p-126, SO_SCALER_MAXIMUM: 0x1p126,
      SO_SCALER_DYNAMIC: 1,
    ]
    return Machine(SO_LOSS_SCALER, settings.merging(changes) { $1 })
  }
}
