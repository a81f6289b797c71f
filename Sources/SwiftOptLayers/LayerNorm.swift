import CSwiftOpt
import SwiftOptShims

/// y = (x - mean) / √(variance + eps) · weight + bias over the features of each row (Ba, Kiros &
/// Hinton 2016, "Layer normalization", equation 3).
enum LayerNorm: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("layer_norm")
    description.input("x")
    description.input("weight", .number, optional: true)
    description.input("bias", .number, optional: true)
    description.output("y", mayBe: 0)
    description.output("mean", .number, optional: true)
    description.output("inverse_std", .number, optional: true)
    description.size("rows")
    description.size("features")
    description.setting("eps", 1e-5, minimum: 0)
  }

  static func plan(_ plan: LayerPlan) {
    let (rows, features) = (plan.size(0), plan.size(1))
    plan.positive(1)
    plan.count(0, rows, features)
    plan.count(1, features)
    plan.count(2, features)
    plan.count(3, rows, features)
    plan.count(4, rows)
    plan.count(5, rows)
    RowNorm<Float>.planForward(plan, rows: rows, features: features)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let norm = RowNorm<Element>(rows: call.size(0), features: call.size(1), isCentred: true)
    norm.forward(
      call.values(0), call.optional(1, Number.self), call.optional(2, Number.self),
      call.values(3), call.optional(4, Number.self), call.optional(5, Number.self),
      eps: call.setting(0), workspace: call.workspace)
    return ranWell
  }
}

/// The gradients of `layer_norm`: see `RowNorm.backward`.
enum LayerNormBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("layer_norm_backward")
    description.input("dy")
    description.input("x")
    description.input("weight", .number, optional: true)
    description.input("mean", .number)
    description.input("inverse_std", .number)
    description.output("dx", mayBe: 0)
    description.output("dweight", .number, optional: true)
    description.output("dbias", .number, optional: true)
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
    plan.count(4, rows)
    plan.count(5, rows, features)
    plan.count(6, features)
    plan.count(7, features)
    plan.columnSums(rows, features, lines: 1, isFolded: false)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let norm = RowNorm<Element>(rows: call.size(0), features: call.size(1), isCentred: true)
    norm.backward(
      call.values(0), call.values(1), call.optional(2, Number.self), call.numbers(3),
      call.numbers(4), call.values(5), call.optional(6, Number.self),
      call.optional(7, Number.self), workspace: call.workspace)
    return ranWell
  }
}
