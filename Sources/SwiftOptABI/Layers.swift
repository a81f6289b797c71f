import CSwiftOpt
import SwiftOptEngine
import SwiftOptOptimizers
import SwiftOptShims

@c @implementation
public func so_layer_count() -> Int32 {
  var count: Int32 = 0
  while so_layer_description.at(count) != nil { count += 1 }
  return count
}

@c @implementation
public func so_layer_describe(
  _ layer: Int32, _ out: UnsafeMutablePointer<so_layer_description>
) -> so_status {
  guard let description = so_layer_description.at(layer) else {
    return fail(.noLayer(layer), characters("layer"))
  }
  out.pointee = description
  return so_status(SO_OK)
}

@c @implementation
public func so_layer_workspace_size(
  _ call: UnsafePointer<so_layer_call>, _ size: UnsafeMutablePointer<Int64>
) -> so_status {
  var bytes: Int64 = 0
  if let problem = so_layer_call.perform(call, runs: false, &bytes) {
    return fail(problem, layerName(call))
  }
  size.pointee = bytes
  return so_status(SO_OK)
}

@c @implementation
public func so_layer_run(_ call: UnsafePointer<so_layer_call>) -> so_status {
  let settings = so_float_begin()
  defer { so_float_end(settings) }
  var bytes: Int64 = 0
  if let problem = so_layer_call.perform(call, runs: true, &bytes) {
    return fail(problem, layerName(call))
  }
  return so_status(SO_OK)
}

private func layerName(_ call: UnsafePointer<so_layer_call>) -> UnsafePointer<CChar> {
  so_layer_description.at(call.pointee.layer)?.name ?? characters("layer")
}

/// Stores the text for `problem` of the layer function called `layer`, and gives its status.
private func fail(_ problem: LayerProblem, _ layer: UnsafePointer<CChar>) -> so_status {
  let unnamed = characters("")
  switch problem {
  case .noLayer(let index):
    so_error_set_number(
      characters("layer"), -1, unnamed, Double(index), characters("in 0 ..< so_layer_count()"))
  case .number(let name, let value, let must):
    so_error_set_number(layer, -1, name ?? unnamed, value, characters(must))
  case .size(let name, let value, let must):
    so_error_set_number(layer, -1, name ?? unnamed, value, must)
  case .setting(let bounds, let value):
    so_error_set_bounds(
      layer, -1, bounds.name ?? unnamed, value, bounds.minimum, bounds.maximum,
      bounds.maximum_is_open, bounds.is_flag)
  case .array(let name, let text):
    so_error_set_layer(layer, name ?? unnamed, characters(text))
  case .index(let name):
    so_error_set_layer_index(layer, name ?? unnamed)
  case .dtype(let name, let text):
    so_error_set_layer(layer, name ?? unnamed, characters(text))
    return so_status(SO_INVALID_TYPE)
  case .count(let name, let count, let expected):
    so_error_set_layer_count(layer, name ?? unnamed, count, expected)
  case .overlap(let name, let other):
    so_error_set_layer_overlap(layer, name ?? unnamed, other ?? unnamed)
  case .workspace:
    so_error_set(
      characters("workspace is smaller than so_layer_workspace_size, or not aligned to 64"))
  case .level:
    return failLevel()
  }
  return so_status(SO_INVALID_VALUE)
}
