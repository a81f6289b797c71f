import CSwiftOpt
import SwiftOptShims

/// One step of long short-term memory after its two products (Hochreiter & Schmidhuber 1997;
/// the forget gate is of Gers et al. 2000). With the gates' columns in the order i, f, g, o:
///
///     c' = σ(f) c + σ(i) tanh(g)        h' = σ(o) tanh(c')
///
/// The cell is a sum over all of time, so it is kept in the number dtype.
enum LSTMCell: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("lstm_cell")
    description.input("gates", .number)
    description.input("cell", .number)
    description.output("new_hidden")
    description.output("new_cell", .number, mayBe: 1)
    description.output("activations", optional: true)
    description.size("batch")
    description.size("hidden_size")
  }

  static func plan(_ plan: LayerPlan) {
    let (batch, hidden) = (plan.size(0), plan.size(1))
    plan.positive(1)
    plan.count(0, batch, hidden, 4)
    for array in 1..<4 { plan.count(array, batch, hidden) }
    plan.count(4, batch, hidden, 4)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let (gates, cells) = (call.numbers(0), call.numbers(1))
    let (outputs, newCells) = (call.values(2), call.numbers(3))
    let saved = call.optional(4, Element.self)
    let size = call.size(1)
    forEachPart(rows: call.size(0), size: size) { (part: RowPart<Number>) in
      let place = part.row &* size &+ part.first
      let gate = gates + (part.row &* size &* 4 &+ part.first)
      let i = part.sigmoid(part.load(gate))
      let f = part.sigmoid(part.load(gate + size))
      let g = part.tanh(part.load(gate + 2 &* size))
      let o = part.sigmoid(part.load(gate + 3 &* size))
      let c = f * part.load(cells + place) + i * g
      part.store(c, newCells + place)
      part.store(o * part.tanh(c), outputs + place)
      guard let saved else { return }
      let target = saved + (part.row &* size &* 4 &+ part.first)
      part.store(i, target)
      part.store(f, target + size)
      part.store(g, target + 2 &* size)
      part.store(o, target + 3 &* size)
    }
    return ranWell
  }
}

/// Gradients of `LSTMCell` with respect to the gates and the cell, from those with respect to
/// the hidden state, which come from the layer above and, added here, from the next step.
enum LSTMCellBackward: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name("lstm_cell_backward")
    description.input("new_hidden_gradient")
    description.input("recurrent_gradient", .number, optional: true)
    description.input("new_cell_gradient", .number, optional: true)
    description.input("activations")
    description.input("cell", .number)
    description.input("new_cell", .number)
    description.output("gates_gradient", mayBe: 3)
    description.output("cell_gradient", .number, mayBe: 2)
    description.size("batch")
    description.size("hidden_size")
  }

  static func plan(_ plan: LayerPlan) {
    let (batch, hidden) = (plan.size(0), plan.size(1))
    plan.positive(1)
    for array in 0..<8 { plan.count(array, batch, hidden) }
    plan.count(3, batch, hidden, 4)
    plan.count(6, batch, hidden, 4)
  }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    typealias Number = Element.Number
    let (outer, saved) = (call.values(0), call.values(3))
    let recurrent = call.optional(1, Number.self)
    let cellGradients = call.optional(2, Number.self)
    let (cells, newCells) = (call.numbers(4), call.numbers(5))
    let (gates, results) = (call.values(6), call.numbers(7))
    let size = call.size(1)
    forEachPart(rows: call.size(0), size: size) { (part: RowPart<Number>) in
      let place = part.row &* size &+ part.first
      let gate = part.row &* size &* 4 &+ part.first
      var dh = part.load(outer + place)
      if let recurrent { dh += part.load(recurrent + place) }
      let i = part.load(saved + gate)
      let f = part.load(saved + (gate &+ size))
      let g = part.load(saved + (gate &+ 2 &* size))
      let o = part.load(saved + (gate &+ 3 &* size))
      let t = part.tanh(part.load(newCells + place))
      var dc = dh * o * ((1 - t) * (1 + t))
      if let cellGradients { dc += part.load(cellGradients + place) }
      let c = part.load(cells + place)
      part.store(dc * f, results + place)
      part.store(dc * g * (i * (1 - i)), gates + gate)
      part.store(dc * c * (f * (1 - f)), gates + (gate &+ size))
      part.store(dc * i * ((1 - g) * (1 + g)), gates + (gate &+ 2 &* size))
      part.store(dh * t * (o * (1 - o)), gates + (gate &+ 3 &* size))
    }
    return ranWell
  }
}
