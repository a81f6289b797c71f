/// Why some numbers are not a schedule. A position is an index into the program.
public enum ScheduleFault: Error {
  /// The number at `position` has a value that is not allowed there.
  case number(position: Int, mustBe: StaticString)
  /// The program's form is wrong at `position`.
  case form(position: Int, StaticString)
}
