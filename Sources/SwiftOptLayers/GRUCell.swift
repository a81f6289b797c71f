import CSwiftOpt
import SwiftOptShims

/// One step of a gated recurrent unit after its two products (Cho et al. 2014, with the reset
/// gate after the hidden state's product, as torch and cuDNN have it). With the gates' columns
/// in the order r, z, n, a from the input and b from the hidden state:
///
///     r = σ(a_r + b_r)    z = σ(a_z + b_z)    n = tanh(a_n + r b_n)    h' = (1 - z) n + z h
enum GRUCell: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("gru_cell")
    description.input("input_gates", .number)
    description.input("hidden_gates", .number)
    description.input("hidden")
    description.output("new_hidden", mayBe: 2)
    description.output("activations", optional: true)
    description.size("batch")
    description.size("hidden_size")
  }

  static func plan(_ plan: LayerPlan) {
    let (batch, hidden) = (plan.size(0), plan.size(1))
    plan.positive(1)
    plan.count(0, batch, hidden, 3)
    plan.count(1, batch, hidden, 3)
    plan.count(2, batch, hidden)
    plan.count(3, batch, hidden)
    plan.count(4, batch, hidden, 4)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let (inputs, hiddens) = (call.numbers(0), call.numbers(1))
    let (states, results) = (call.values(2), call.values(3))
    let saved = call.optional(4, Element.self)
    let size = call.size(1)
    forEachPart(rows: call.size(0), size: size) { (part: RowPart<Number>) in
      let place = part.row &* size &+ part.first
      let a = inputs + (part.row &* size &* 3 &+ part.first)
      let b = hiddens + (part.row &* size &* 3 &+ part.first)
      let r = part.sigmoid(part.load(a) + part.load(b))
      let z = part.sigmoid(part.load(a + size) + part.load(b + size))
      let fromHidden = part.load(b + 2 &* size)
      let n = part.tanh(part.load(a + 2 &* size) + r * fromHidden)
      let h = part.load(states + place)
      part.store((1 - z) * n + z * h, results + place)
      guard let saved else { return }
      let target = saved + (part.row &* size &* 4 &+ part.first)
      part.store(r, target)
      part.store(z, target + size)
      part.store(n, target + 2 &* size)
      part.store(fromHidden, target + 3 &* size)
    }
    return ranWell
  }
}

/// Gradients of `GRUCell`; that of the hidden state is only what goes past the product with
/// its weight.
enum GRUCellBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("gru_cell_backward")
    description.input("new_hidden_gradient")
    description.input("recurrent_gradient", .number, optional: true)
    description.input("activations")
    description.input("hidden")
    description.output("input_gates_gradient")
    description.output("hidden_gates_gradient")
    description.output("hidden_gradient", .number, mayBe: 1)
    description.size("batch")
    description.size("hidden_size")
  }

  static func plan(_ plan: LayerPlan) {
    let (batch, hidden) = (plan.size(0), plan.size(1))
    plan.positive(1)
    for array in 0..<7 { plan.count(array, batch, hidden) }
    plan.count(2, batch, hidden, 4)
    plan.count(4, batch, hidden, 3)
    plan.count(5, batch, hidden, 3)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let (outer, recurrent) = (call.values(0), call.optional(1, Number.self))
    let (saved, states) = (call.values(2), call.values(3))
    let (inputs, hiddens, results) = (call.values(4), call.values(5), call.numbers(6))
    let size = call.size(1)
    forEachPart(rows: call.size(0), size: size) { (part: RowPart<Number>) in
      let place = part.row &* size &+ part.first
      let activation = saved + (part.row &* size &* 4 &+ part.first)
      let gate = part.row &* size &* 3 &+ part.first
      var dh = part.load(outer + place)
      if let recurrent { dh += part.load(recurrent + place) }
      let r = part.load(activation)
      let z = part.load(activation + size)
      let n = part.load(activation + 2 &* size)
      let fromHidden = part.load(activation + 3 &* size)
      let h = part.load(states + place)
      let dn = dh * (1 - z) * ((1 - n) * (1 + n))
      let dz = dh * (h - n) * (z * (1 - z))
      let dr = dn * fromHidden * (r * (1 - r))
      part.store(dr, inputs + gate)
      part.store(dr, hiddens + gate)
      part.store(dz, inputs + (gate &+ size))
      part.store(dz, hiddens + (gate &+ size))
      part.store(dn, inputs + (gate &+ 2 &* size))
      part.store(dn * r, hiddens + (gate &+ 2 &* size))
      part.store(dh * z, results + place)
    }
    return ranWell
  }
}
