import CSwiftOpt

/// A state machine whose settings and state are the numbers that swiftopt.h lists.
///
/// To add one: a file with a conforming struct, a line in `withMachine`, its numbers in
/// swiftopt.h, and its Python class.
protocol ControlMachine {
  associatedtype State

  /// Throws if a setting has a value that is not allowed.
  init(_ settings: ControlNumbers) throws(ControlFault)

  var initialState: State { get }

  /// The state that the numbers are; throws if they can't be one.
  func state(_ numbers: ControlNumbers) throws(ControlFault) -> State

  /// Makes one transition and tells what happened, as a sum of swiftopt.h's events.
  func observe(_ observation: Double, _ state: inout State) throws(ControlFault) -> Int

  /// Writes the numbers that a state is.
  static func write(_ state: State, _ numbers: UnsafeMutablePointer<Double>)
}

/// The machine's first state.
public func beginControl(
  _ machine: Int32, _ settings: UnsafePointer<Double>, _ state: UnsafeMutablePointer<Double>
) throws(ControlFault) {
  switch Int(machine) {
  case SO_REDUCE_ON_PLATEAU: try begin(ReduceOnPlateau.self, settings, state)
  case SO_EARLY_STOPPING: try begin(EarlyStopping.self, settings, state)
  case SO_LOSS_SCALER: try begin(LossScaler.self, settings, state)
  default: throw ControlFault.unknown(machine)
  }
}

/// Throws unless these are settings and a state of the machine.
public func checkControl(
  _ machine: Int32, _ settings: UnsafePointer<Double>, _ state: UnsafePointer<Double>
) throws(ControlFault) {
  switch Int(machine) {
  case SO_REDUCE_ON_PLATEAU: try check(ReduceOnPlateau.self, settings, state)
  case SO_EARLY_STOPPING: try check(EarlyStopping.self, settings, state)
  case SO_LOSS_SCALER: try check(LossScaler.self, settings, state)
  default: throw ControlFault.unknown(machine)
  }
}

/// One transition; the state is written last, if everything is valid. Returns the events.
public func observeControl(
  _ machine: Int32, _ settings: UnsafePointer<Double>, _ state: UnsafeMutablePointer<Double>,
  _ observation: Double
) throws(ControlFault) -> Int {
  switch Int(machine) {
  case SO_REDUCE_ON_PLATEAU:
    return try observe(ReduceOnPlateau.self, settings, state, observation)
  case SO_EARLY_STOPPING: return try observe(EarlyStopping.self, settings, state, observation)
  case SO_LOSS_SCALER: return try observe(LossScaler.self, settings, state, observation)
  default: throw ControlFault.unknown(machine)
  }
}

private func begin<Machine: ControlMachine>(
  _: Machine.Type, _ settings: UnsafePointer<Double>, _ state: UnsafeMutablePointer<Double>
) throws(ControlFault) {
  let machine = try Machine(ControlNumbers(settings, .settings))
  for index in 0..<Int(SO_CONTROL_NUMBERS) { state[index] = 0 }
  Machine.write(machine.initialState, state)
}

private func check<Machine: ControlMachine>(
  _: Machine.Type, _ settings: UnsafePointer<Double>, _ state: UnsafePointer<Double>
) throws(ControlFault) {
  let machine = try Machine(ControlNumbers(settings, .settings))
  _ = try machine.state(ControlNumbers(state, .state))
}

private func observe<Machine: ControlMachine>(
  _: Machine.Type, _ settings: UnsafePointer<Double>, _ state: UnsafeMutablePointer<Double>,
  _ observation: Double
) throws(ControlFault) -> Int {
  let machine = try Machine(ControlNumbers(settings, .settings))
  var next = try machine.state(ControlNumbers(state, .state))
  let events = try machine.observe(observation, &next)
  Machine.write(next, state)
  return events
}
