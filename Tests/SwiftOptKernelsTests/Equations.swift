import TestSupport

/// What all elements of a tensor share in one step.
struct StepNumbers {
  let settings: Settings
  let lr: Double
  let weightDecay: Double
  /// The tensor's scalars, after this step has advanced them.
  let scalars: [Double]

  /// The number of this update, 1 for the first: t of the papers.
  var number: Double { scalars[0] }

  subscript(name: String) -> Double { settings[name] }
  func has(_ name: String) -> Bool { settings[name] != 0 }
}

/// The optimizers as their papers write them, to judge the rules by. A rule may share out
/// the work differently, but rounds no more often than its equation: Adam's rule has
/// 4 + 3w roundings where the equation has 6 + 2w, with w ≤ 1 the root's share of the
/// denominator.
enum Equations {
  /// Advances an element's slots, which are in the order of the description, by the
  /// gradient and returns the step.
  typealias Element = (_ g: Bounded, _ slots: inout [Bounded]) -> Bounded

  static func of(_ optimizer: String) -> ((StepNumbers) -> Element)? {
    switch optimizer {
    case "sgd": sgd
    case "adam", "adamw": adam
    case "rmsprop": rmsprop
    case "adagrad": adagrad
    case "lion": lion
    case "nadam": nadam
    case "radam": radam
    case "adamax": adamax
    case "adadelta": adadelta
    case "rprop": rprop
    case "adabelief": adabelief
    default: nil
    }
  }

  /// Momentum with the first buffer equal to the gradient, as torch.optim.SGD documents
  /// it; Nesterov's variant is Sutskever et al. 2013, equation 7, at the look-ahead point.
  private static func sgd(_ step: StepNumbers) -> Element {
    let momentum = step["momentum"]
    let dampening = step["dampening"]
    let isNesterov = step.has("nesterov")
    let isFirst = step.number == 1 && !step.has("momentum_start_zero")
    return { g, slots in
      if momentum == 0 { return step.lr * g }
      let b = isFirst ? g : momentum * slots[0] + (1 - dampening) * g
      slots[0] = b
      return isNesterov ? step.lr * (g + momentum * b) : step.lr * b
    }
  }

  /// Kingma & Ba 2015, algorithm 1, and the form at the end of section 2 (epsilon_hat);
  /// amsgrad is Reddi et al. 2018, algorithm 2, with Adam's bias correction.
  private static func adam(_ step: StepNumbers) -> Element {
    let (beta1, beta2, eps) = (step["beta1"], step["beta2"], step["eps"])
    let (correction1, correction2) = (1 - step.scalars[1], 1 - step.scalars[2])
    let (hasMaximum, hasEpsilonHat) = (step.has("amsgrad"), step.has("epsilon_hat"))
    return { g, slots in
      let m = beta1 * slots[0] + (1 - beta1) * g
      let v = beta2 * slots[1] + (1 - beta2) * (g * g)
      (slots[0], slots[1]) = (m, v)
      if hasMaximum { slots[2] = max(slots[2], v) }
      let square = hasMaximum ? slots[2] : v
      if hasEpsilonHat {
        let alpha = step.lr * correction2.squareRoot() / correction1
        return alpha * m / (square.squareRoot() + eps)
      }
      return step.lr * (m / correction1) / ((square / correction2).squareRoot() + eps)
    }
  }

  /// Hinton 2012, lecture 6; centered as in Graves 2013, equations 38-45, with eps outside
  /// the root and lr outside the buffer, as torch.optim.RMSprop documents it.
  private static func rmsprop(_ step: StepNumbers) -> Element {
    let (alpha, eps, momentum) = (step["alpha"], step["eps"], step["momentum"])
    let isCentered = step.has("centered")
    return { g, slots in
      slots[0] = alpha * slots[0] + (1 - alpha) * (g * g)
      var variance = slots[0]
      if isCentered {
        slots[2] = alpha * slots[2] + (1 - alpha) * g
        variance = slots[0] - slots[2] * slots[2]
      }
      let direction = g / (variance.squareRoot() + eps)
      if momentum == 0 { return step.lr * direction }
      slots[1] = momentum * slots[1] + direction
      return step.lr * slots[1]
    }
  }

  /// Duchi et al. 2011, figure 1 with a diagonal matrix; lr_decay as in torch.optim.Adagrad.
  private static func adagrad(_ step: StepNumbers) -> Element {
    let rate = step.lr / (1 + (step.number - 1) * step["lr_decay"])
    let eps = step["eps"]
    return { g, slots in
      slots[0] = slots[0] + g * g
      return rate * g / (slots[0].squareRoot() + eps)
    }
  }

  /// Chen et al. 2023, algorithm 2.
  private static func lion(_ step: StepNumbers) -> Element {
    let (beta1, beta2) = (step["beta1"], step["beta2"])
    return { g, slots in
      let c = beta1 * slots[0] + (1 - beta1) * g
      slots[0] = beta2 * slots[0] + (1 - beta2) * g
      return step.lr * c.sign
    }
  }
}
