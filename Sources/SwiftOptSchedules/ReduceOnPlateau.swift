import CSwiftOpt

/// A factor that starts at 1 and is multiplied by `factor` whenever more than `patience`
/// observations in a row brought no improvement; the `cooldown` observations after that
/// don't count as bad.
///
/// The order of the rules is that of torch.optim.lr_scheduler.ReduceLROnPlateau.
struct ReduceOnPlateau: ControlMachine {
  struct State {
    var value, best, bad, wait, observations, nonfinite, reductions: Double
  }

  let factor, patience, cooldown, minimum: Double
  let improvement: Improvement

  init(_ settings: ControlNumbers) throws(ControlFault) {
    factor = try settings.number(SO_PLATEAU_FACTOR, "factor", mustBe: "> 0 and < 1") {
      $0 > 0 && $0 < 1
    }
    let maximizes = try settings.flag(SO_PLATEAU_MAXIMIZE, "maximize")
    patience = try settings.count(SO_PLATEAU_PATIENCE, "patience")
    let threshold = try settings.threshold(SO_PLATEAU_THRESHOLD, "threshold")
    let isRelative = try settings.flag(SO_PLATEAU_RELATIVE, "relative")
    cooldown = try settings.count(SO_PLATEAU_COOLDOWN, "cooldown")
    minimum = try settings.number(SO_PLATEAU_MINIMUM, "minimum", mustBe: "in [0, 1]") {
      $0 >= 0 && $0 <= 1
    }
    try settings.unused(from: SO_PLATEAU_MINIMUM + 1)
    improvement = Improvement(
      maximizes: maximizes, threshold: threshold, isRelative: isRelative)
  }

  var initialState: State {
    State(
      value: 1, best: .nan, bad: 0, wait: 0, observations: 0, nonfinite: 0, reductions: 0)
  }

  func state(_ numbers: ControlNumbers) throws(ControlFault) -> State {
    let minimum = minimum
    let state = State(
      value: try numbers.number(SO_PLATEAU_VALUE, "value", mustBe: "in [minimum, 1]") {
        $0 >= minimum && $0 <= 1
      },
      best: try numbers.best(SO_PLATEAU_BEST),
      bad: try numbers.count(SO_PLATEAU_BAD, "bad_observations"),
      wait: try numbers.count(SO_PLATEAU_WAIT, "cooldown_left"),
      observations: try numbers.count(SO_PLATEAU_OBSERVATIONS, "observations"),
      nonfinite: try numbers.count(SO_PLATEAU_NONFINITE, "nonfinite"),
      reductions: try numbers.count(SO_PLATEAU_REDUCTIONS, "reductions"))
    try numbers.unused(from: SO_PLATEAU_REDUCTIONS + 1)
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
    }
    if state.wait > 0 {
      state.wait -= 1
      state.bad = 0
    }
    if state.bad > patience {
      state.wait = cooldown
      state.bad = 0
      let reduced = max(state.value * factor, minimum)
      if reduced < state.value {
        state.value = reduced
        increment(&state.reductions)
        events |= SO_VALUE_REDUCED
      }
    }
    return events
  }

  static func write(_ state: State, _ numbers: UnsafeMutablePointer<Double>) {
    numbers[SO_PLATEAU_VALUE] = state.value
    numbers[SO_PLATEAU_BEST] = state.best
    numbers[SO_PLATEAU_BAD] = state.bad
    numbers[SO_PLATEAU_WAIT] = state.wait
    numbers[SO_PLATEAU_OBSERVATIONS] = state.observations
    numbers[SO_PLATEAU_NONFINITE] = state.nonfinite
    numbers[SO_PLATEAU_REDUCTIONS] = state.reductions
  }
}
