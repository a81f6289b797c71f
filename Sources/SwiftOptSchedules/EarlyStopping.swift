import CSwiftOpt

/// Tells to stop at the `patience`-th observation in a row without improvement.
///
/// Source: Prechelt 1998, "Early stopping - but when?", the criteria UP of section 2.1,
/// counted against the best metric so far.
struct EarlyStopping: ControlMachine {
  struct State {
    var best, bad, observations, nonfinite: Double
  }

  let patience: Double
  let improvement: Improvement

  init(_ settings: ControlNumbers) throws(ControlFault) {
    patience = try settings.count(SO_STOPPING_PATIENCE, "patience")
    let threshold = try settings.threshold(SO_STOPPING_MIN_DELTA, "min_delta")
    let maximizes = try settings.flag(SO_STOPPING_MAXIMIZE, "maximize")
    try settings.unused(from: SO_STOPPING_MAXIMIZE + 1)
    improvement = Improvement(maximizes: maximizes, threshold: threshold, isRelative: false)
  }

  var initialState: State { State(best: .nan, bad: 0, observations: 0, nonfinite: 0) }

  func state(_ numbers: ControlNumbers) throws(ControlFault) -> State {
    let state = State(
      best: try numbers.best(SO_STOPPING_BEST),
      bad: try numbers.count(SO_STOPPING_BAD, "bad_observations"),
      observations: try numbers.count(SO_STOPPING_OBSERVATIONS, "observations"),
      nonfinite: try numbers.count(SO_STOPPING_NONFINITE, "nonfinite"))
    try numbers.unused(from: SO_STOPPING_NONFINITE + 1)
    return state
  }

  func observe(_ metric: Double, _ state: inout State) -> Int {
    var events = 0
    increment(&state.observations)
    if !metric.isFinite {
      increment(&state.nonfinite)
      events |= SO_METRIC_NONFINITE
    }
    if improvement.isMade(by: metric, over: state.best) {
      state.best = metric
      state.bad = 0
      events |= SO_METRIC_IMPROVED
    } else {
      increment(&state.bad)
      if state.bad >= patience { events |= SO_SHOULD_STOP }
    }
    return events
  }

  static func write(_ state: State, _ numbers: UnsafeMutablePointer<Double>) {
    numbers[SO_STOPPING_BEST] = state.best
    numbers[SO_STOPPING_BAD] = state.bad
    numbers[SO_STOPPING_OBSERVATIONS] = state.observations
    numbers[SO_STOPPING_NONFINITE] = state.nonfinite
  }
}
