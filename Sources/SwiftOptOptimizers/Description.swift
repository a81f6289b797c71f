import CSwiftOpt

/// Writes an `so_description`. The names are literals, so the pointers that it
/// leaves behind live as long as the program.
public struct Description {
  var raw: so_description

  init() {
    raw = so_description()
  }

  mutating func name(
    _ name: StaticString, lr: Double, weightDecay: Double = 0, decay: Decay,
    kind: Kind = .elementwise
  ) {
    raw.name = characters(name)
    raw.default_lr = lr
    raw.default_weight_decay = weightDecay
    raw.decay = decay.rawValue
    raw.kind = kind.rawValue
    scalar("step", startsAt: 0)
  }

  /// A number in `minimum ... maximum`, or in `minimum ..< maximum` if `isOpen`.
  mutating func hyperparameter(
    _ name: StaticString,
    _ value: Double,
    minimum: Double = 0,
    maximum: Double = .infinity,
    isOpen: Bool = false,
    isFlag: Bool = false
  ) {
    let entry = so_hyperparameter(
      name: characters(name),
      default_value: value,
      minimum: minimum,
      maximum: maximum,
      maximum_is_open: isOpen ? 1 : 0,
      is_flag: isFlag ? 1 : 0)
    append(entry, to: &raw.hyperparameters, at: raw.hyperparameter_count)
    raw.hyperparameter_count += 1
  }

  /// The share of the past in an exponential average: in 0 ..< 1.
  mutating func averagingFactor(_ name: StaticString, _ value: Double) {
    hyperparameter(name, value, maximum: 1, isOpen: true)
  }

  mutating func flag(_ name: StaticString, _ isSet: Bool = false) {
    hyperparameter(name, isSet ? 1 : 0, maximum: 1, isFlag: true)
  }

  /// An array of the state. It exists only while hyper-parameter `requiredBy` is
  /// not 0, and starts at the value of hyper-parameter `startsAt`, else at 0.
  mutating func slot(
    _ name: StaticString,
    _ content: SlotContent = .signed,
    requiredBy: Int32 = -1,
    startsAt: Int32 = -1,
    startsAsParameter: Bool = false,
    form: SlotForm = .full,
    of owner: SlotOwner = .all
  ) {
    let entry = so_slot(
      name: characters(name), required_by: requiredBy, initial_value: startsAt,
      content: content.rawValue, form: form.rawValue, owner: owner.rawValue,
      starts_as_parameter: startsAsParameter ? 1 : 0)
    append(entry, to: &raw.slots, at: raw.slot_count)
    raw.slot_count += 1
  }

  /// A number of the state, kept once per tensor.
  mutating func scalar(_ name: StaticString, startsAt value: Double) {
    let entry = so_scalar(name: characters(name), initial_value: value)
    append(entry, to: &raw.scalars, at: raw.scalar_count)
    raw.scalar_count += 1
  }

  /// C arrays arrive as tuples; an entry that doesn't fit is left out, and the test
  /// that compares every description with its class notices.
  private func append<Entry, Tuple>(_ entry: Entry, to tuple: inout Tuple, at index: Int32) {
    let capacity = MemoryLayout<Tuple>.size / MemoryLayout<Entry>.stride
    guard Int(index) < capacity else { return }
    withUnsafeMutableBytes(of: &tuple) { bytes in
      bytes.storeBytes(
        of: entry, toByteOffset: Int(index) * MemoryLayout<Entry>.stride, as: Entry.self)
    }
  }
}

/// A literal as C has it. Literals live as long as the program.
public func characters(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
