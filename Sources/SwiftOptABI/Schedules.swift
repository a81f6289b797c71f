import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptSchedules
import SwiftOptShims

@c @implementation
public func so_schedule_validate(_ program: UnsafePointer<Double>?, _ length: Int64) -> so_status {
  withSchedule(program, length) { _ in so_status(SO_OK) }
}

@c @implementation
public func so_schedule_evaluate(
  _ program: UnsafePointer<Double>?, _ length: Int64,
  _ steps: UnsafePointer<Double>?, _ count: Int64,
  _ values: UnsafeMutablePointer<Double>?
) -> so_status {
  let settings = so_float_begin()
  defer { so_float_end(settings) }
  return withSchedule(program, length) { schedule in
    let count = Int(count)
    if count == 0 { return so_status(SO_OK) }
    guard count > 0 else {
      so_error_set_number(
        characters("count"), -1, characters(""), Double(count), characters("0 or more"))
      return so_status(SO_INVALID_VALUE)
    }
    guard let steps, let values else {
      so_error_set(characters(steps == nil ? "steps is NULL" : "values is NULL"))
      return so_status(SO_INVALID_VALUE)
    }
    // All steps before the first value, so that an error leaves `values` untouched.
    var index = 0
    while index < count {
      guard steps[index] >= 0, steps[index].isFinite else {
        so_error_set_number(
          characters("steps"), Int64(index), characters(""), steps[index],
          characters("finite and >= 0"))
        return so_status(SO_INVALID_VALUE)
      }
      index &+= 1
    }
    index = 0
    while index < count {
      values[index] = schedule.value(at: steps[index])
      index &+= 1
    }
    return so_status(SO_OK)
  }
}

/// Runs `body` if the numbers are a schedule; else the error message says why not.
private func withSchedule(
  _ program: UnsafePointer<Double>?, _ length: Int64, _ body: (ScheduleProgram) -> so_status
) -> so_status {
  guard let program else {
    so_error_set(characters("program is NULL"))
    return so_status(SO_INVALID_VALUE)
  }
  do throws(ScheduleFault) {
    return body(try ScheduleProgram(program, length: Int(length)))
  } catch {
    switch error {
    case .number(let position, let requirement):
      so_error_set_number(
        characters("program"), Int64(position), characters(""), program[position],
        characters(requirement))
    case .form(let position, let text):
      so_error_set_index(characters("program"), Int64(position), characters(text))
    }
    return so_status(SO_INVALID_VALUE)
  }
}
