import CSwiftOpt

/// How an optimizer uses weight decay unless a group says otherwise.
enum Decay {
  /// `gradient += weight_decay * parameter`, before the rule.
  case coupled
  /// `parameter -= lr * weight_decay * parameter`, beside the rule.
  case decoupled
  /// The rule's own equations have it.
  case own

  var rawValue: Int32 {
    switch self {
    case .coupled: Int32(SO_DECAY_COUPLED)
    case .decoupled: Int32(SO_DECAY_DECOUPLED)
    case .own: Int32(SO_DECAY_OWN)
    }
  }
}

/// What a rule needs beyond the element at hand.
enum Kind {
  case elementwise
  /// The step is scaled by the norm of the parameter over its own.
  case trustStep
  /// The gradient is scaled by the norm of the parameter over its own.
  case trustGradient
  case factored
  case matrix

  var rawValue: Int32 {
    switch self {
    case .elementwise: Int32(SO_ELEMENTWISE)
    case .trustStep: Int32(SO_TRUST_STEP)
    case .trustGradient: Int32(SO_TRUST_GRADIENT)
    case .factored: Int32(SO_FACTORED)
    case .matrix: Int32(SO_MATRIX)
    }
  }
}

/// What a slot holds, which decides the dtypes that it may be stored in.
enum SlotContent {
  case signed
  /// Squares or magnitudes.
  case nonnegative
  /// What no rounding may change.
  case exact

  var rawValue: Int32 {
    switch self {
    case .signed: Int32(SO_SLOT_SIGNED)
    case .nonnegative: Int32(SO_SLOT_NONNEGATIVE)
    case .exact: Int32(SO_SLOT_EXACT)
    }
  }
}

/// Which elements a slot has.
enum SlotForm {
  case full
  case row
  case column

  var rawValue: Int32 {
    switch self {
    case .full: Int32(SO_SLOT_FULL)
    case .row: Int32(SO_SLOT_ROW)
    case .column: Int32(SO_SLOT_COLUMN)
    }
  }
}

/// Which parameters have a slot.
enum SlotOwner {
  case all
  case matrices
  case others

  var rawValue: Int32 {
    switch self {
    case .all: Int32(SO_SLOT_OF_ALL)
    case .matrices: Int32(SO_SLOT_OF_MATRICES)
    case .others: Int32(SO_SLOT_OF_OTHERS)
    }
  }
}
