import CSwiftOpt

/// A loss scale that grows after `growth_interval` good steps in a row and backs off
/// after each step with a gradient that was not finite.
///
/// Source: Micikevicius et al. 2018, "Mixed precision training", section 3.2; the rules are
/// those of torch.amp.GradScaler.
struct LossScaler: ControlMachine {
  struct State {
    var scale, goodSteps, updated, skipped: Double
  }

  let initialScale, growthFactor, backoffFactor, growthInterval, minimum, maximum: Double
  let isDynamic: Bool

  init(_ settings: ControlNumbers) throws(ControlFault) {
    let minimum = try Self.bound(settings, SO_SCALER_MINIMUM, "minimum")
    let maximum = try Self.bound(settings, SO_SCALER_MAXIMUM, "maximum")
    if minimum > maximum {
      throw ControlFault.number(.settings, "maximum", maximum, mustBe: "at least the minimum")
    }
    let isInBounds = { (scale: Double) in
      rounded(scale) >= minimum && rounded(scale) <= maximum
    }
    (self.minimum, self.maximum) = (minimum, maximum)
    initialScale = rounded(
      try settings.number(
        SO_SCALER_INITIAL_SCALE, "initial_scale", mustBe: "in [minimum, maximum]", isInBounds))
    growthFactor = try settings.number(
      SO_SCALER_GROWTH_FACTOR, "growth_factor", mustBe: "finite and > 1"
    ) { $0 > 1 && $0.isFinite }
    backoffFactor = try settings.number(
      SO_SCALER_BACKOFF_FACTOR, "backoff_factor", mustBe: "> 0 and < 1"
    ) { $0 > 0 && $0 < 1 }
    growthInterval = try settings.count(SO_SCALER_GROWTH_INTERVAL, "growth_interval")
    if growthInterval == 0 {
      throw ControlFault.number(.settings, "growth_interval", 0, mustBe: "at least 1")
    }
    isDynamic = try settings.flag(SO_SCALER_DYNAMIC, "dynamic")
    try settings.unused(from: SO_SCALER_DYNAMIC + 1)
  }

  private static func bound(
    _ settings: ControlNumbers, _ index: Int, _ name: StaticString
  ) throws(ControlFault) -> Double {
    rounded(
      try settings.number(index, name, mustBe: "in [2**-126, 2**126]") {
        $0 >= 0x1p-126 && $0 <= 0x1p126
      })
  }

  var initialState: State { State(scale: initialScale, goodSteps: 0, updated: 0, skipped: 0) }

  func state(_ numbers: ControlNumbers) throws(ControlFault) -> State {
    let (minimum, maximum) = (minimum, maximum)
    let state = State(
      scale: try numbers.number(
        SO_SCALER_SCALE, "scale", mustBe: "a float32 number in [minimum, maximum]"
      ) { $0 >= minimum && $0 <= maximum && rounded($0) == $0 },
      goodSteps: try numbers.count(SO_SCALER_GOOD_STEPS, "good_steps"),
      updated: try numbers.count(SO_SCALER_UPDATED, "updated"),
      skipped: try numbers.count(SO_SCALER_SKIPPED, "skipped"))
    try numbers.unused(from: SO_SCALER_SKIPPED + 1)
    return state
  }

  /// `observation` is 1 if a gradient was not finite, else 0.
  func observe(_ observation: Double, _ state: inout State) throws(ControlFault) -> Int {
    guard observation == 0 || observation == 1 else {
      throw ControlFault.number(.argument, "observation", observation, mustBe: "0 or 1")
    }
    let before = state.scale
    if observation == 1 {
      increment(&state.skipped)
      state.goodSteps = 0
      if isDynamic { state.scale = max(rounded(before * backoffFactor), minimum) }
    } else {
      increment(&state.updated)
      increment(&state.goodSteps)
      // "At least": a state may come from a scaler with a longer interval.
      if isDynamic, state.goodSteps >= growthInterval {
        state.goodSteps = 0
        state.scale = min(rounded(before * growthFactor), maximum)
      }
    }
    if state.scale > before { return SO_SCALE_GREW }
    return state.scale < before ? SO_SCALE_SHRANK : 0
  }

  static func write(_ state: State, _ numbers: UnsafeMutablePointer<Double>) {
    numbers[SO_SCALER_SCALE] = state.scale
    numbers[SO_SCALER_GOOD_STEPS] = state.goodSteps
    numbers[SO_SCALER_UPDATED] = state.updated
    numbers[SO_SCALER_SKIPPED] = state.skipped
  }
}

/// The nearest float32, infinity beyond its range. Losses are scaled in float32 and the
/// gradients divided in float64: both must be by the same number.
private func rounded(_ scale: Double) -> Double { Double(Float(scale)) }
