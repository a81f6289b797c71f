import CSwiftOpt
import SwiftOptEngine
import SwiftOptOptimizers
import SwiftOptShims

@c @implementation
public func so_optimizer_count() -> Int32 {
  var count: Int32 = 0
  while describeOptimizer(count) != nil { count += 1 }
  return count
}

@c @implementation
public func so_optimizer_describe(
  _ optimizer: Int32, _ out: UnsafeMutablePointer<so_description>
) -> so_status {
  guard let description = describeOptimizer(optimizer) else {
    return fail(.noOptimizer(optimizer))
  }
  out.pointee = description
  return so_status(SO_OK)
}

@c @implementation
public func so_plan_workspace_size(
  _ plan: UnsafePointer<so_plan>, _ out: UnsafeMutablePointer<Int64>
) -> so_status {
  var size = 0
  if let problem = plan.pointee.workspaceSize(&size) { return fail(problem) }
  out.pointee = Int64(size)
  return so_status(SO_OK)
}

@c @implementation
public func so_plan_prepare(_ plan: UnsafePointer<so_plan>) -> so_status {
  plan.pointee.prepare().map(fail) ?? so_status(SO_OK)
}

@c @implementation
public func so_plan_check_groups(_ plan: UnsafePointer<so_plan>) -> so_status {
  plan.pointee.groupsProblem().map(fail) ?? so_status(SO_OK)
}

@c @implementation
public func so_optimizer_step(
  _ plan: UnsafePointer<so_plan>, _ report: UnsafeMutablePointer<so_report>
) -> so_status {
  let settings = so_float_begin()
  defer { so_float_end(settings) }
  return plan.pointee.step(&report.pointee).map(fail) ?? so_status(SO_OK)
}

@c @implementation
public func so_plan_receive(_ plan: UnsafePointer<so_plan>, _ tensor: Int64) -> so_status {
  let settings = so_float_begin()
  defer { so_float_end(settings) }
  return plan.pointee.receive(tensor).map(fail) ?? so_status(SO_OK)
}

@c @implementation
public func so_plan_accumulate(_ plan: UnsafePointer<so_plan>, _ weight: Double) -> so_status {
  let settings = so_float_begin()
  defer { so_float_end(settings) }
  return plan.pointee.accumulate(weight: weight).map(fail) ?? so_status(SO_OK)
}
