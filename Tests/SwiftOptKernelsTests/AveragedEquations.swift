import TestSupport

/// The equations that need the parameter too, and those with several averages.
extension Equations {
  /// As `Element`, with the parameter before the step.
  typealias ElementAtParameter = (_ g: Bounded, _ p: Bounded, _ slots: inout [Bounded]) -> Bounded

  /// The equation of any optimizer but those that `TrustRatioTests` judges.
  static func atParameter(_ optimizer: String) -> ((StepNumbers) -> ElementAtParameter)? {
    switch optimizer {
    case "ademamix": return withoutParameter(ademamix)
    case "adan": return adan
    case "lars": return withoutParameter(lars)
    case "schedulefreesgd": return scheduleFreeSGD
    case "schedulefreeadamw": return scheduleFreeAdamW
    default: return of(optimizer).map(withoutParameter)
    }
  }

  private static func withoutParameter(_ equation: @escaping (StepNumbers) -> Element)
    -> (StepNumbers) -> ElementAtParameter
  {
    { step in
      let element = equation(step)
      return { g, _, slots in element(g, &slots) }
    }
  }

  /// Pagliardini et al. 2024, algorithm 1.
  private static func ademamix(_ step: StepNumbers) -> Element {
    let (beta1, beta2, beta3) = (step["beta1"], step["beta2"], step["beta3"])
    let (correction1, correction2) = (1 - step.scalars[1], 1 - step.scalars[2])
    return { g, slots in
      let fast = beta1 * slots[0] + (1 - beta1) * g
      let slow = beta3 * slots[1] + (1 - beta3) * g
      let v = beta2 * slots[2] + (1 - beta2) * (g * g)
      slots = [fast, slow, v]
      return step.lr * (fast / correction1 + step["alpha"] * slow)
        / ((v / correction2).squareRoot() + step["eps"])
    }
  }

  /// Xie et al. 2022, algorithm 1, with the bias corrections of the authors' code.
  private static func adan(_ step: StepNumbers) -> ElementAtParameter {
    let (beta1, beta2, beta3) = (step["beta1"], step["beta2"], step["beta3"])
    let corrections = step.scalars.map { 1 - $0 }
    let decay = step.lr * step.weightDecay
    return { g, p, slots in
      let difference = step.number == 1 ? 0 * g : g - slots[3]
      let ahead = g + beta2 * difference
      let m = beta1 * slots[0] + (1 - beta1) * g
      let v = beta2 * slots[1] + (1 - beta2) * difference
      let n = beta3 * slots[2] + (1 - beta3) * (ahead * ahead)
      slots = [m, v, n, g]
      let direction =
        (m / corrections[1] + beta2 * (v / corrections[2]))
        / ((n / corrections[3]).squareRoot() + step["eps"])
      // p − (p − s) / (1 + a), and p − ((1 − a) · p − s) without the proximal step.
      let numerator = step.lr * direction + decay * p
      return step.has("no_prox") ? numerator : numerator / (1 + decay)
    }
  }

  /// You et al. 2017, algorithm 1, for a gradient that was scaled before.
  private static func lars(_ step: StepNumbers) -> Element {
    let momentum = step["momentum"]
    return { g, slots in
      if momentum == 0 { return step.lr * g }
      let b = momentum * slots[0] + g
      slots[0] = b
      return step.has("nesterov") ? step.lr * (g + momentum * b) : step.lr * b
    }
  }

  /// Defazio et al. 2024, equations 1-3, with the decay at y.
  private static func scheduleFreeSGD(_ step: StepNumbers) -> ElementAtParameter {
    { g, y, slots in
      iterates(step, step["momentum"], g + step.weightDecay * y, y, &slots)
    }
  }

  /// Defazio et al. 2024, algorithm 1, with Adam's correction of v.
  private static func scheduleFreeAdamW(_ step: StepNumbers) -> ElementAtParameter {
    let beta2 = step["beta2"]
    return { g, y, slots in
      let v = beta2 * slots[1] + (1 - beta2) * (g * g)
      slots[1] = v
      let direction = g / ((v / (1 - step.scalars[4])).squareRoot() + step["eps"])
      return iterates(step, step["beta1"], direction + step.weightDecay * y, y, &slots)
    }
  }

  /// Equations 1-3 with x eliminated, for a β that stays the same. Through x there would be
  /// more roundings than the rule may have; the float64 reference of the Python tests goes
  /// that way.
  private static func iterates(
    _ step: StepNumbers, _ beta: Double, _ direction: Bounded, _ y: Bounded,
    _ slots: inout [Bounded]
  ) -> Bounded {
    let z = slots[0]
    let share = step.scalars[2] * step.scalars[2] / step.scalars[1]
    slots[0] = z - step.lr * direction
    return share * (y - z) + (step.lr * (1 - beta * (1 - share))) * direction
  }
}
