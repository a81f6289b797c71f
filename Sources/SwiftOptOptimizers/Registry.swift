import CSwiftOpt

/// Calls `visitor` with the optimizer that has number `id`; false if none has.
///
/// This is the registry: one line per optimizer. A switch over types rather than
/// a table of values, so that every use is compiled for each optimizer.
@inlinable @inline(__always)
public func visitOptimizer<Visitor: OptimizerVisitor>(
  _ id: Int32, _ visitor: inout Visitor
) -> Bool {
  switch id {
  case 0: visitor.visit(SGD.self)
  case 1: visitor.visit(Adam.self)
  case 2: visitor.visit(AdamW.self)
  case 3: visitor.visit(RMSprop.self)
  case 4: visitor.visit(Adagrad.self)
  case 5: visitor.visit(Lion.self)
  case 6: visitor.visit(NAdam.self)
  case 7: visitor.visit(RAdam.self)
  case 8: visitor.visit(Adamax.self)
  case 9: visitor.visit(Adadelta.self)
  case 10: visitor.visit(Rprop.self)
  case 11: visitor.visit(AdaBelief.self)
  case 12: visitor.visit(AdEMAMix.self)
  case 13: visitor.visit(Adan.self)
  case 14: visitor.visit(LAMB.self)
  case 15: visitor.visit(LARS.self)
  case 16: visitor.visit(ScheduleFreeSGD.self)
  case 17: visitor.visit(ScheduleFreeAdamW.self)
  case 18: visitor.visit(Adafactor.self)
  case 19: visitor.visit(Muon.self)
  default: return false
  }
  return true
}

/// What is to be done with an optimizer's type.
public protocol OptimizerVisitor {
  mutating func visit<Chosen: Optimizer>(_ optimizer: Chosen.Type)
}

/// The description of optimizer `id`, or nil if there is none.
public func describeOptimizer(_ id: Int32) -> so_description? {
  struct Describer: OptimizerVisitor {
    var description = Description()
    mutating func visit<Chosen: Optimizer>(_ optimizer: Chosen.Type) {
      Chosen.describe(&description)
    }
  }
  var describer = Describer()
  return visitOptimizer(id, &describer) ? describer.description.raw : nil
}
