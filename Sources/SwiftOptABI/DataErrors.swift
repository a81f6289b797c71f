import CSwiftOpt
import SwiftOptData
import SwiftOptOptimizers
import SwiftOptShims

/// Stores the text for `problem` and gives its status.
func fail(_ problem: DataProblem) -> so_status {
  switch problem {
  case .text(let text):
    so_error_set(characters(text))
  case .number(let what, let field, let value, let must):
    so_error_set_number(characters(what), -1, characters(field), value, characters(must))
  case .entry(let what, let index, let field, let value, let must):
    so_error_set_number(
      characters(what), Int64(index), characters(field), value, characters(must))
  case .item(let what, let index, let text):
    so_error_set_index(characters(what), Int64(index), characters(text))
  case .dtype(let what, let index, let text):
    so_error_set_index(characters(what), Int64(index), characters(text))
    return so_status(SO_INVALID_TYPE)
  case .setting(let index, let augmentation, let setting, let value):
    failSetting(index, augmentation, setting, value)
  }
  return so_status(SO_INVALID_VALUE)
}

/// Stores the text for the fault of a batch, if it is one that ends the epoch.
func fail(_ report: so_batch_report, skips: Bool) -> so_status {
  switch Int(report.fault) {
  case SO_FAULT_NONE:
    return so_status(SO_OK)
  case SO_FAULT_READ:
    if skips { return so_status(SO_OK) }
    so_error_set_read(
      report.fault_field, report.fault_value, report.fault_file, report.fault_offset,
      report.fault_errno)
    return so_status(SO_READ_FAILED)
  case SO_FAULT_INDEX:
    so_error_set_number(
      characters("sampler"), -1, characters("index"), Double(report.fault_value),
      characters("in 0 ..< sample_count"))
  case SO_FAULT_CLASS:
    so_error_set_number(
      characters("label"), -1, characters(""), Double(report.fault_value),
      characters("in 0 ..< classes"))
  case SO_FAULT_OFFSETS:
    so_error_set_index(
      characters("offsets"), report.fault_value, characters("they decrease, or are out of range"))
  default:
    so_error_set(characters("the plan was changed while it was in use"))
  }
  return so_status(SO_INVALID_VALUE)
}
