/// The numbers of a program from `position` on.
///
/// Reading beyond the end gives NaN, which every check refuses, so no program
/// can lead outside of the caller's memory.
struct Operands {
  private let program: UnsafePointer<Double>
  private let length: Int
  let position: Int

  @inline(__always)
  init(_ program: UnsafePointer<Double>, length: Int, from position: Int) {
    self.program = program
    self.length = length
    self.position = position
  }

  @inline(__always)
  subscript(index: Int) -> Double {
    let place = position &+ index
    return place >= 0 && place < length ? program[place] : .nan
  }

  /// Throws a fault at operand `index` unless `condition` holds.
  @inline(__always)
  func require(
    _ condition: Bool, at index: Int, mustBe: StaticString
  ) throws(ScheduleFault) {
    if !condition { throw ScheduleFault.number(position: position &+ index, mustBe: mustBe) }
  }
}
