import CSwiftOpt
import SwiftOptEngine
import SwiftOptOptimizers
import SwiftOptShims

@c @implementation
public func so_last_error() -> UnsafePointer<CChar> { so_error_message() }

@c @implementation
public func so_abi_version() -> Int32 { Int32(SO_ABI_VERSION) }

/// Stores the text for `problem` and gives its status.
func fail(_ problem: Problem) -> so_status {
  switch problem {
  case .plan(let text):
    so_error_set(characters(text))
  case .noOptimizer(let id):
    so_error_set_number(
      characters("optimizer"), -1, characters(""), Double(id),
      characters("in 0 ..< so_optimizer_count()"))
  case .field(let name, let value, let must):
    so_error_set_number(characters("plan"), -1, characters(name), value, characters(must))
  case .argument(let name, let value, let must):
    so_error_set_number(characters(name), -1, characters(""), value, characters(must))
  case .tensor(let index, let text):
    so_error_set_index(characters("tensors"), Int64(index), characters(text))
  case .dtype(let index, let text):
    so_error_set_index(characters("tensors"), Int64(index), characters(text))
    return so_status(SO_INVALID_TYPE)
  case .slot(let index, let name, let text):
    so_error_set_array(Int64(index), name ?? characters("slot"), characters(text))
  case .slotDtype(let index, let name):
    so_error_set_array(
      Int64(index), name ?? characters("slot"),
      characters("has a dtype that it can't be stored in"))
    return so_status(SO_INVALID_TYPE)
  case .group(let index, let name, let value, let must):
    so_error_set_number(
      characters("groups"), Int64(index), characters(name), value, characters(must))
  case .hyperparameter(let index, let bounds, let value):
    so_error_set_bounds(
      characters("groups"), Int64(index), bounds.name ?? characters(""), value, bounds.minimum,
      bounds.maximum,
      bounds.maximum_is_open, bounds.is_flag)
  case .overlap(let index, let array, let other, let otherArray):
    so_error_set_overlap(Int64(index), array, Int64(other), otherArray)
  case .level:
    return failLevel()
  }
  return so_status(SO_INVALID_VALUE)
}
