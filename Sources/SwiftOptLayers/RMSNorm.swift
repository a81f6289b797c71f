import CSwiftOpt
import SwiftOptShims

/// y = x / √(mean of x² + eps) · weight over the features of each row (Zhang & Sennrich 2019,
/// "Root mean square layer normalization", equation 4).
enum RMSNorm: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("rms_norm")
    description.input("x")
    description.input("weight", .number, optional: true)
    description.output("y", mayBe: 0)
    description.output("inverse_rms", .number, optional: true)
    description.size("rows")
    description.size("features")
    description.setting("eps", 1e-5, minimum: 0)
  }

  static func plan(_ plan: LayerPlan) {
    let (rows, features) = (plan.size(0), plan.size(1))
    plan.positive(1)
    plan.count(0, rows, features)
    plan.count(1, features)
    plan.count(2, rows, features)
    plan.count(3, rows)
    RowNorm<Float>.planForward(plan, rows: rows, features: features)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let norm = RowNorm<Element>(rows: call.size(0), features: call.size(1), isCentred: false)
    norm.forward(
      call.values(0), call.optional(1, Number.self), nil, call.values(2), nil,
      call.optional(3, Number.self), eps: call.setting(0), workspace: call.workspace)
    return ranWell
  }
}

/// The gradients of `rms_norm`: see `RowNorm.backward`.
enum RMSNormBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("rms_norm_backward")
    description.input("dy")
    description.input("x")
    description.input("weight", .number, optional: true)
    description.input("inverse_rms", .number)
    description.output("dx", mayBe: 0)
    description.output("dweight", .number, optional: true)
    description.size("rows")
    description.size("features")
  }

  static func plan(_ plan: LayerPlan) {
    let (rows, features) = (plan.size(0), plan.size(1))
    plan.positive(0)
    plan.positive(1)
    plan.count(0, rows, features)
    plan.count(1, rows, features)
    plan.count(2, features)
    plan.count(3, rows)
    plan.count(4, rows, features)
    plan.count(5, features)
    plan.columnSums(rows, features, lines: 1, isFolded: false)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let norm = RowNorm<Element>(rows: call.size(0), features: call.size(1), isCentred: false)
    norm.backward(
      call.values(0), call.values(1), call.optional(2, Number.self), nil, call.numbers(3),
      call.values(4), call.optional(5, Number.self), nil, workspace: call.workspace)
    return ranWell
  }
}
