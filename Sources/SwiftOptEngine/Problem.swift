import CSwiftOpt

/// What is wrong with a caller's argument. The ABI turns it into a status and text.
public enum Problem {
  /// The plan as a whole.
  case plan(StaticString)
  /// There is no optimizer with this number.
  case noOptimizer(Int32)
  /// A field of the plan.
  case field(StaticString, Double, StaticString)
  /// An argument beside the plan.
  case argument(StaticString, Double, StaticString)
  /// One tensor.
  case tensor(Int, StaticString)
  /// One tensor's dtype.
  case dtype(Int, StaticString)
  /// One of a tensor's slots, by its name.
  case slot(Int, UnsafePointer<CChar>?, StaticString)
  /// A slot's dtype.
  case slotDtype(Int, UnsafePointer<CChar>?)
  /// A field of a group: index, name, value, what it must be.
  case group(Int, StaticString, Double, StaticString)
  /// A rule's hyper-parameter of a group is out of its bounds.
  case hyperparameter(Int, so_hyperparameter, Double)
  /// An array of one tensor shares memory with an array of another one.
  case overlap(Int, UnsafePointer<CChar>, Int, UnsafePointer<CChar>)
  /// The environment names an instruction level that can't be had.
  case level
}
