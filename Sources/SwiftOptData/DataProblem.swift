/// What is wrong with the arguments of a data function; the C boundary writes the message.
public enum DataProblem: Error {
  case text(StaticString)
  /// "what.field is value; it must be must"
  case number(what: StaticString, field: StaticString, value: Double, must: StaticString)
  /// "what[index].field is value; it must be must"
  case entry(
    what: StaticString, index: Int, field: StaticString, value: Double, must: StaticString)
  /// "what[index]: text"
  case item(what: StaticString, index: Int, text: StaticString)
  /// The same about a dtype.
  case dtype(what: StaticString, index: Int, text: StaticString)
  /// "augment[index].setting is value; it must be in ..."
  case setting(index: Int, augmentation: Int, setting: Int32, value: Double)
}
