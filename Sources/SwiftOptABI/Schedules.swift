import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptSchedules
import SwiftOptShims

@c @implementation
public func so_schedule_validate(_ program: UnsafePointer<Double>?, _ length: Int64) -> so_status {
  let settings = so_float_begin()
  defer { so_float_end(settings) }
  return withSchedule(program, length) { _ in so_status(SO_OK) }
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
    if let index = firstBadStep(steps, count) {
      so_error_set_number(
        characters("steps"), Int64(index), characters(""), steps[index],
        characters("finite and >= 0"))
      return so_status(SO_INVALID_VALUE)
    }
    var job = (schedule: schedule, steps: steps, values: values)
    so_parallel_for(
      Int64(count), grain,
      { context, begin, end, scratch in
        let job = context.assumingMemoryBound(to: Job.self).pointee
        let first = Int(begin)
        job.schedule.evaluate(
          at: job.steps + first, count: Int(end) &- first, into: job.values + first,
          scratch: scratch.assumingMemoryBound(to: Double.self),
          scratchCount: Int(SO_SCRATCH_BYTES) / 8)
      }, &job)
    return so_status(SO_OK)
  }
}

private typealias Job = (
  schedule: ScheduleProgram, steps: UnsafePointer<Double>, values: UnsafeMutablePointer<Double>
)

/// The first index whose step is negative, infinite or not a number.
private func firstBadStep(_ steps: UnsafePointer<Double>, _ count: Int) -> Int? {
  func isBad(_ step: Double) -> Bool { !(step >= 0 && step <= Double.greatestFiniteMagnitude) }
  var begin = 0
  while begin < count {
    let end = count &- begin < 1024 ? count : begin &+ 1024
    // Without leaving the loop early, so that it vectorises.
    var bad = 0
    var index = begin
    while index < end {
      bad |= isBad(steps[index]) ? 1 : 0
      index &+= 1
    }
    if bad != 0 {
      index = begin
      while index < end, !isBad(steps[index]) { index &+= 1 }
      return index
    }
    begin = end
  }
  return nil
}

/// Steps of a task: enough that starting a thread pays off for the cheapest schedule.
private var grain: Int64 { 16_384 }

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
