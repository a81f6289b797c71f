import CSwiftOpt
import SwiftOptMath
import SwiftOptShims

/// GELU, exact or, if `approximate_tanh` is set, its approximation.
enum GELUForward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("gelu")
    description.describeActivation()
    description.flag("approximate_tanh")
  }

  static func plan(_ plan: LayerPlan) { plan.activation() }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    call.flag(0) ? call.apply(TanhGELU.self) : call.apply(GELU.self)
  }
}

enum GELUBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("gelu_backward")
    description.describeActivationGradient(savesOutput: GELU.savesOutput)
    description.flag("approximate_tanh")
  }

  static func plan(_ plan: LayerPlan) { plan.activationGradient() }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    call.flag(0) ? call.applyGradient(TanhGELU.self) : call.applyGradient(GELU.self)
  }
}
