import SwiftOptSchedules
import XCTest

/// Programs that are refused, and programs of random numbers.
final class ScheduleProgramTests: XCTestCase {
  func testBadOperandsAreRefusedWhereTheyAre() {
    for (program, expected) in [
      ([0], "0 must be the code of an operator"),
      ([99, 1, 2, 3], "0 must be the code of an operator"),
      ([1.5, 1], "0 must be the code of an operator"),
      ([-1, 1], "0 must be the code of an operator"),
      ([.nan, 1], "0 must be the code of an operator"),
      ([1e300, 1], "0 must be the code of an operator"),
      ([1, .nan], "1 must be finite"),
      ([1, .infinity], "1 must be finite"),
      ([2, 0.1, 0, 0.1], "2 must be a step_size greater than 0"),
      ([2, 0.1, 10, -0.1], "3 must be a gamma of 0 or more"),
      ([2, 0.1, 10, .nan], "3 must be finite"),
      ([3, -1, 0.1], "1 must be a whole number of boundaries from 0 to 2046"),
      ([3, 0.5, 0.1], "1 must be a whole number of boundaries from 0 to 2046"),
      ([3, 2_047, 0.1], "1 must be a whole number of boundaries from 0 to 2046"),
      ([3, 1e300, 0.1], "1 must be a whole number of boundaries from 0 to 2046"),
      ([3, .nan, 0.1], "1 must be finite"),
      ([3, 1, 0.1, 0, 0.2], "3 must be a boundary greater than 0 and than the one before it"),
      (
        [3, 2, 0.1, 5, 0.2, 5, 0.3],
        "5 must be a boundary greater than 0 and than the one before it"
      ),
      ([4, 0.1, -0.5], "2 must be a gamma of 0 or more"),
      ([5, 0.1, 0, 0, 1], "3 must be a total greater than 0"),
      ([5, 0.1, 0, -5, 1], "3 must be a total greater than 0"),
      ([5, 0.1, 0, 10, 0], "4 must be a power greater than 0"),
      ([6, 0.1, 0, 0], "3 must be a total greater than 0"),
      ([6, 0.1, .infinity, 10], "2 must be finite"),
      ([7, 0, 0.1, -1], "3 must be a warmup of 0 or more"),
      ([8, 1, 0, 10, 1, 0], "5 must be a k_decay greater than 0 and at most 1e6"),
      ([8, 1, 0, 10, 0, 1], "4 must be a power greater than 0"),
      ([9, 1, 0, 10, 2e6], "4 must be a k_decay greater than 0 and at most 1e6"),
      ([9, 1, 0, 0, 1], "3 must be a total greater than 0"),
      ([10, 1, 0, 0, 1, 1], "3 must be a period greater than 0"),
      ([10, 1, 0, 5, 0.5, 1], "4 must be a period_factor of 1 or more"),
      ([10, 1, 0, 5, 1, -1], "5 must be a decay of 0 or more"),
      ([11, 0, 1, 0, 1, 1, 1], "3 must be a rise greater than 0"),
      ([11, 0, 1, 1, 0, 1, 1], "4 must be a fall greater than 0"),
      ([11, 0, 1, 1, 1, 2, 1], "5 must be a decay from 0 to 1"),
      ([11, 0, 1, 1, 1, 1, -1], "6 must be a gamma from 0 to 1"),
      ([12, 1, 0, 1], "2 must be a timescale greater than 0"),
      ([12, 1, 1, 0], "3 must be a power greater than 0"),
      ([13, 0, 1, 5], "1 must be an initial value other than 0"),
      ([13, 1, -1, 5], "2 must be a final value of the initial one's sign"),
      ([13, 1, 1, 0], "3 must be a total greater than 0"),
      ([14, 1, 0, 5, 301, 0], "4 must be a bound from -300 to 300"),
      ([14, 1, 0, 5, 0, -301], "5 must be a bound from -300 to 300"),
      ([15, 1, 0, 0], "3 must be a total greater than 0"),
      ([16, -1, 1], "1 must be a start of 0 or more"),
      ([16, 0, 0.5], "2 must be 1 or more"),
      ([105, 0, 0, 1, 1], "1 must be a length greater than 0"),
      ([105, 1, 0.5, 1, 1], "2 must be a whole number of repetitions, 0 for no end"),
      ([105, 1, -1, 1, 1], "2 must be a whole number of repetitions, 0 for no end"),
      ([100, -1, 1, 0.1, 1, 0.2], "1 must be a hand-over step of 0 or more"),
      ([100, .nan, 1, 0.1, 1, 0.2], "1 must be finite"),
      ([101, 1, 0.1, 1, .nan], "4 must be finite"),
    ] {
      XCTAssertEqual(refusal(of: program), expected, "\(program)")
    }
  }

  func testIncompleteAndOverlongProgramsAreRefused() {
    let whole = Program.then(
      Program.add(Program.warmup(0, 1, warmup: 5), Program.constant(1)),
      Program.piecewiseConstant([1, 2], boundaries: [3]), at: 10)
    XCTAssertNil(refusal(of: whole))
    for length in 0..<whole.count {
      XCTAssertEqual(
        refusal(of: whole, length: length),
        "\(length): the program ends before its schedule is complete")
    }
    XCTAssertEqual(
      refusal(of: whole + [1, 2]),
      "\(whole.count): the schedule is complete before this number")
    XCTAssertEqual(
      refusal(of: whole, length: -1), "0: the program ends before its schedule is complete")
    XCTAssertEqual(
      refusal(of: whole, length: .min), "0: the program ends before its schedule is complete")
  }

  func testDepthAndLengthLimits() {
    func chain(depth: Int, leftmost: Bool) -> [Double] {
      (1..<depth).reduce(Program.constant(1)) { program, _ in
        leftmost
          ? Program.add(program, Program.constant(1)) : Program.add(Program.constant(1), program)
      }
    }
    for leftmost in [true, false] {
      XCTAssertEqual(value(chain(depth: 64, leftmost: leftmost), at: 3), 64)
      let refused = refusal(of: chain(depth: 65, leftmost: leftmost))
      XCTAssertEqual(refused?.hasSuffix(": schedules are nested deeper than 64"), true)
    }

    func steps(_ count: Int) -> [Double] {
      Program.piecewiseConstant(
        (0...count).map(Double.init), boundaries: (1...count).map(Double.init))
    }
    XCTAssertEqual(steps(2_046).count, 4_095)
    XCTAssertEqual(value(steps(2_046), at: 2_046), 2_046)
    XCTAssertEqual(value(steps(2_046), at: 2_045.5), 2_045)
    XCTAssertEqual(
      refusal(of: Program.add(steps(2_046), steps(3))), "4096: a program has at most 4096 numbers")
    // The length alone must not be trusted for more than the limit.
    XCTAssertEqual(
      refusal(of: steps(2_046), length: .max), "4095: the schedule is complete before this number")
  }

  func testRandomNumbersNeverTrapAndNeverLeaveTheProgram() {
    var random = SplitMix64(state: 0x5EED)
    var accepted = 0
    let count = 100_000
    for _ in 0..<count {
      let program = randomProgram(&random)
      if refusal(of: program) != nil { continue }
      accepted += 1
      for step in [0, 0.5, 1, 7, 1e7, random.number(), Double.greatestFiniteMagnitude] {
        let step = step >= 0 && step.isFinite ? step : 0
        guard let result = value(program, at: step) else {
          return XCTFail("accepted and then refused: \(program)")
        }
        let isBetween = [5, 6, 7, 8, 9, 11, 13, 14, 15].contains(program[0])
        if isBetween || (program[0] == 10 && program[5] == 1) {
          let ends = program[1...2]
          XCTAssert(
            result >= ends.min()! && result <= ends.max()!, "\(program) at \(step): \(result)")
        }
      }
    }
    // Neither a generator of nonsense alone nor of schedules alone would test much.
    XCTAssertGreaterThan(accepted, count / 20)
    XCTAssertLessThan(accepted, count - count / 20)
  }

  /// Half of them are schedules, some then damaged; the rest is any numbers.
  private func randomProgram(_ random: inout SplitMix64) -> [Double] {
    var program: [Double]
    if random.below(2) == 0 {
      program = (0..<random.below(12)).map { _ in random.number() }
    } else {
      program = randomSchedule(&random, depth: 0)
      if random.below(2) == 0 {
        switch random.below(3) {
        case 0: program[random.below(program.count)] = random.number()
        case 1: program.remove(at: random.below(program.count))
        default: program.insert(random.number(), at: random.below(program.count + 1))
        }
      }
    }
    return program
  }

  private func randomSchedule(_ random: inout SplitMix64, depth: Int) -> [Double] {
    func positive() -> Double { random.number().magnitude + 0.5 }
    func share() -> Double { Double(random.below(101)) / 100 }
    let operators: [Double] = Array(1...16).map(Double.init) + Array(100...105).map(Double.init)
    switch operators[random.below(depth < 6 ? operators.count : 16)] {
    case 1: return Program.constant(random.number())
    case 2: return Program.stepDecay(random.number(), stepSize: positive(), gamma: positive())
    case 3:
      let count = random.below(4)
      return Program.piecewiseConstant(
        (0...count).map { _ in random.number() },
        boundaries: (0..<count).map { Double($0) + 0.5 })
    case 4: return Program.exponential(random.number(), gamma: positive())
    case 5:
      return Program.polynomial(
        random.number(), random.number(), total: positive(), power: positive())
    case 6: return Program.cosine(random.number(), random.number(), total: positive())
    case 7: return Program.warmup(random.number(), random.number(), warmup: positive())
    case 8:
      return [8, random.number(), random.number(), positive(), positive(), share() + 0.01]
    case 9: return [9, random.number(), random.number(), positive(), 10 * share() + 0.01]
    case 10:
      let factor = random.below(2) == 0 ? 1 + share() : 1 + positive()
      return Program.cosineRestarts(
        random.number(), random.number(), period: positive(), factor: factor,
        decay: random.below(2) == 0 ? 1 : positive())
    case 11:
      return [11, random.number(), random.number(), positive(), positive(), share(), share()]
    case 12: return [12, random.number(), positive(), positive()]
    case 13: return [13, positive(), positive(), positive()]
    case 14:
      let bounds = [600 * share() - 300, 600 * share() - 300]
      return [14, random.number(), random.number(), positive()] + bounds
    case 15: return [15, random.number(), random.number(), positive()]
    case 16: return [16, random.number().magnitude, positive() + 1]
    case 105:
      return Program.repeat(
        randomSchedule(&random, depth: depth + 1), every: positive(),
        times: Double(random.below(4)))
    case 103:
      return [103] + randomSchedule(&random, depth: depth + 1)
        + randomSchedule(&random, depth: depth + 1)
    case 104:
      return [104] + randomSchedule(&random, depth: depth + 1)
        + randomSchedule(&random, depth: depth + 1)
    case 100:
      return Program.then(
        randomSchedule(&random, depth: depth + 1), randomSchedule(&random, depth: depth + 1),
        at: positive())
    case 101:
      return Program.add(
        randomSchedule(&random, depth: depth + 1), randomSchedule(&random, depth: depth + 1))
    default:
      return Program.multiply(
        randomSchedule(&random, depth: depth + 1), randomSchedule(&random, depth: depth + 1))
    }
  }
}

/// The generator of G. L. Steele, D. Lea and C. H. Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014: small, and the same everywhere.
private struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// Operators, small numbers, any bits at all, and numbers that conversions fear.
  mutating func number() -> Double {
    switch below(5) {
    case 0:
      let index = below(22)
      return Double(index < 16 ? index + 1 : index + 84)
    case 1: return Double(below(20)) - 4
    case 2: return Double(bitPattern: next())
    case 3: return Double(below(2_000_000)) / 1_000_000
    default:
      return [
        .nan, .infinity, -.infinity, -0.0, 0x1p63, -0x1p63, 0x1p64, 1e308, -1e308, 5e-324,
        4_096, 2_046, 2_047, 0x1p52, 0x1p53,
      ][below(15)]
    }
  }
}
