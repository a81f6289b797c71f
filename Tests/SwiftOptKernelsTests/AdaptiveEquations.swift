import Glibc
import TestSupport

extension Equations {
  /// torch.optim.NAdam's documentation, which follows Dozat 2016, algorithm 2. The powers
  /// come from the C library here.
  static func nadam(_ step: StepNumbers) -> Element {
    let (beta1, beta2, eps) = (step["beta1"], step["beta2"], step["eps"])
    func momentum(_ number: Double) -> Double {
      beta1 * (1 - 0.5 * pow(0.96, number * step["momentum_decay"]))
    }
    let (current, next) = (momentum(step.number), momentum(step.number + 1))
    let (product, correction2) = (step.scalars[1], 1 - step.scalars[2])
    return { g, slots in
      let m = beta1 * slots[0] + (1 - beta1) * g
      let v = beta2 * slots[1] + (1 - beta2) * (g * g)
      (slots[0], slots[1]) = (m, v)
      let direction = next / (1 - product * next) * m + (1 - current) / (1 - product) * g
      return step.lr * direction / ((v / correction2).squareRoot() + eps)
    }
  }

  /// Liu et al. 2020, algorithm 2, with torch.optim.RAdam's threshold and place of eps.
  static func radam(_ step: StepNumbers) -> Element {
    let (beta1, beta2, eps) = (step["beta1"], step["beta2"], step["eps"])
    let (correction1, correction2) = (1 - step.scalars[1], 1 - step.scalars[2])
    let longest = 2 / (1 - beta2) - 1
    let length = longest - 2 * step.number * step.scalars[2] / correction2
    let rectification =
      ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
      .squareRoot()
    return { g, slots in
      let m = beta1 * slots[0] + (1 - beta1) * g
      let v = beta2 * slots[1] + (1 - beta2) * (g * g)
      (slots[0], slots[1]) = (m, v)
      let corrected = m / correction1
      if length <= 5 { return step.lr * corrected }
      return step.lr * (rectification * (correction2.squareRoot() * corrected))
        / (v.squareRoot() + eps)
    }
  }

  /// Kingma & Ba 2015, algorithm 2, with torch.optim.Adamax's eps in the maximum.
  static func adamax(_ step: StepNumbers) -> Element {
    let (beta1, beta2, eps) = (step["beta1"], step["beta2"], step["eps"])
    let correction1 = 1 - step.scalars[1]
    return { g, slots in
      let m = beta1 * slots[0] + (1 - beta1) * g
      let u = max(beta2 * slots[1], g.magnitude + eps)
      (slots[0], slots[1]) = (m, u)
      return step.lr / correction1 * m / u
    }
  }

  /// Zeiler 2012, algorithm 1, with torch.optim.Adadelta's learning rate.
  static func adadelta(_ step: StepNumbers) -> Element {
    let (rho, eps) = (step["rho"], step["eps"])
    return { g, slots in
      let v = rho * slots[0] + (1 - rho) * (g * g)
      let delta = (slots[1] + eps).squareRoot() / (v + eps).squareRoot() * g
      slots = [v, rho * slots[1] + (1 - rho) * (delta * delta)]
      return step.lr * delta
    }
  }

  /// Riedmiller & Braun 1993 in the variant iRprop− of Igel & Hüsken 2000.
  static func rprop(_ step: StepNumbers) -> Element {
    { g, slots in
      let old = step.number == 1 ? g.coefficient(step.lr) : slots[1]
      let agreement = g.sign.value * slots[0].sign.value
      let eta = agreement > 0 ? step["eta_plus"] : (agreement < 0 ? step["eta_minus"] : 1)
      let size = max(eta * old, g.coefficient(step["step_size_min"]))
        .limited(to: step["step_size_max"])
      let followed = agreement < 0 ? 0 * g : g
      slots = [followed, size]
      return size * followed.sign
    }
  }

  /// Zhuang et al. 2020, algorithm 2.
  static func adabelief(_ step: StepNumbers) -> Element {
    let (beta1, beta2, eps) = (step["beta1"], step["beta2"], step["eps"])
    let (correction1, correction2) = (1 - step.scalars[1], 1 - step.scalars[2])
    return { g, slots in
      let m = beta1 * slots[0] + (1 - beta1) * g
      let s = beta2 * slots[1] + (1 - beta2) * ((g - m) * (g - m)) + eps
      slots = [m, s]
      return step.lr * (m / correction1) / ((s / correction2).squareRoot() + eps)
    }
  }
}
