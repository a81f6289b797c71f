import SwiftOptSchedules
import XCTest

/// 2^-52, the unit of the tolerances.
let epsilon = Double.ulpOfOne

/// Programs in the prefix form of swiftopt.h, named as Python names them.
enum Program {
  static func constant(_ value: Double) -> [Double] { [1, value] }

  static func stepDecay(_ initial: Double, stepSize: Double, gamma: Double) -> [Double] {
    [2, initial, stepSize, gamma]
  }

  static func piecewiseConstant(_ values: [Double], boundaries: [Double]) -> [Double] {
    [3, Double(boundaries.count), values[0]]
      + zip(boundaries, values.dropFirst()).flatMap { [$0, $1] }
  }

  static func exponential(_ initial: Double, gamma: Double) -> [Double] { [4, initial, gamma] }

  static func polynomial(
    _ initial: Double, _ final: Double, total: Double, power: Double
  ) -> [Double] {
    [5, initial, final, total, power]
  }

  static func cosine(_ initial: Double, _ final: Double, total: Double) -> [Double] {
    [6, initial, final, total]
  }

  static func warmup(_ start: Double, _ peak: Double, warmup: Double) -> [Double] {
    [7, start, peak, warmup]
  }

  static func cosineRestarts(
    _ initial: Double, _ final: Double, period: Double, factor: Double, decay: Double
  ) -> [Double] {
    [10, initial, final, period, factor, decay]
  }

  static func `repeat`(_ schedule: [Double], every: Double, times: Double) -> [Double] {
    [105, every, times] + schedule
  }

  static func then(_ first: [Double], _ second: [Double], at step: Double) -> [Double] {
    [100, step] + first + second
  }

  static func add(_ first: [Double], _ second: [Double]) -> [Double] { [101] + first + second }

  static func multiply(_ first: [Double], _ second: [Double]) -> [Double] {
    [102] + first + second
  }
}

/// The schedule's value, nil if the program is refused.
func value(_ program: [Double], at step: Double) -> Double? {
  values(program, at: [step])?[0]
}

/// The schedule's values, computed together, nil if the program is refused.
func values(_ program: [Double], at steps: [Double]) -> [Double]? {
  var values = steps
  var scratch = [Double](repeating: .nan, count: ScheduleProgram.minimumScratch)
  let isSchedule = program.withUnsafeBufferPointer { numbers in
    guard let base = numbers.baseAddress,
      let schedule = try? ScheduleProgram(base, length: numbers.count)
    else { return false }
    values.withUnsafeMutableBufferPointer { values in
      scratch.withUnsafeMutableBufferPointer { scratch in
        schedule.evaluate(
          at: steps, count: steps.count, into: values.baseAddress!,
          scratch: scratch.baseAddress!, scratchCount: scratch.count)
      }
    }
    return true
  }
  return isSchedule ? values : nil
}

/// Where and how a program is refused; nil if it is accepted.
func refusal(of program: [Double], length: Int? = nil) -> String? {
  var numbers = program
  if numbers.isEmpty { numbers = [0] }  // so that there is an address
  return numbers.withUnsafeBufferPointer { buffer in
    do throws(ScheduleFault) {
      _ = try ScheduleProgram(buffer.baseAddress!, length: length ?? program.count)
      return nil
    } catch {
      switch error {
      case .number(let position, let requirement): return "\(position) must be \(requirement)"
      case .form(let position, let text): return "\(position): \(text)"
      }
    }
  }
}
