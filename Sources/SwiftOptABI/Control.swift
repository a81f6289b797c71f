import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptSchedules
import SwiftOptShims

@c @implementation
public func so_control_begin(
  _ machine: Int32, _ settings: UnsafePointer<Double>?, _ state: UnsafeMutablePointer<Double>?
) -> so_status {
  controlled(settings, UnsafePointer(state)) { (settings, _) throws(ControlFault) in
    try beginControl(machine, settings, state!)
  }
}

@c @implementation
public func so_control_check(
  _ machine: Int32, _ settings: UnsafePointer<Double>?, _ state: UnsafePointer<Double>?
) -> so_status {
  controlled(settings, state) { (settings, state) throws(ControlFault) in
    try checkControl(machine, settings, state)
  }
}

@c @implementation
public func so_control_observe(
  _ machine: Int32, _ settings: UnsafePointer<Double>?, _ state: UnsafeMutablePointer<Double>?,
  _ observation: Double, _ events: UnsafeMutablePointer<Int32>?
) -> so_status {
  controlled(settings, UnsafePointer(state)) { (settings, _) throws(ControlFault) in
    let happened = try observeControl(machine, settings, state!, observation)
    events?.pointee = Int32(truncatingIfNeeded: happened)
  }
}

/// Runs `body` on arrays that are there; a fault becomes the error message.
private func controlled(
  _ settings: UnsafePointer<Double>?, _ state: UnsafePointer<Double>?,
  _ body: (UnsafePointer<Double>, UnsafePointer<Double>) throws(ControlFault) -> Void
) -> so_status {
  guard let settings, let state else {
    so_error_set(characters(settings == nil ? "settings is NULL" : "state is NULL"))
    return so_status(SO_INVALID_VALUE)
  }
  guard (UInt(bitPattern: settings) | UInt(bitPattern: state)) & 7 == 0 else {
    so_error_set(characters("settings or state is not aligned to 8 bytes"))
    return so_status(SO_INVALID_VALUE)
  }
  let environment = so_float_begin()
  defer { so_float_end(environment) }
  do throws(ControlFault) {
    try body(settings, state)
    return so_status(SO_OK)
  } catch {
    return fail(error)
  }
}

private func fail(_ fault: ControlFault) -> so_status {
  switch fault {
  case .number(let place, let name, let value, let must):
    let what = place == .argument ? name : text(place)
    let field: StaticString = place == .argument ? "" : name
    so_error_set_number(characters(what), -1, characters(field), value, characters(must))
  case .unused(let place, let index, let value):
    so_error_set_number(
      characters(text(place)), Int64(index), characters(""), value, characters("0"))
  case .unknown(let machine):
    so_error_set_number(
      characters("machine"), -1, characters(""), Double(machine),
      characters("SO_REDUCE_ON_PLATEAU, SO_EARLY_STOPPING or SO_LOSS_SCALER"))
  }
  return so_status(SO_INVALID_VALUE)
}

private func text(_ place: ControlFault.Place) -> StaticString {
  switch place {
  case .settings: "settings"
  case .state: "state"
  case .argument: "observation"
  }
}
