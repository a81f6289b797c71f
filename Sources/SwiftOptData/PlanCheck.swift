import CSwiftOpt
import SwiftOptShims

/// Checks all that filling relies on.
public func check(_ plan: UnsafePointer<so_data_plan>) throws(DataProblem) {
  let values = plan.pointee
  try values.sampler.check()
  guard values.batch_size >= 1, values.batch_size <= 1 << 31 else {
    throw bad("batch_size", Double(values.batch_size), "in 1 ... 2^31")
  }
  try checkFlag("drop_last", values.drop_last)
  try checkFlag("skip_errors", values.skip_errors)
  try checkFlag("keys_by_position", values.keys_by_position)
  try checkBatches(values)
  guard values.field_count >= 1, values.field_count <= Int32(SO_DATA_MAX_FIELDS) else {
    throw bad("field_count", Double(values.field_count), "in 1 ... SO_DATA_MAX_FIELDS")
  }
  for index in 0..<values.field_count {
    try FieldCheck(
      field: so_plan_field(plan, index).pointee, index: Int(index),
      sampleCount: values.sampler.sample_count, batchSize: values.batch_size
    ).check()
  }
  try checkClasses(plan)
  try checkAugmentations(values)
  try checkRows(plan)
}

private func checkBatches(_ plan: so_data_plan) throws(DataProblem) {
  guard let starts = plan.batch_starts else { return }
  guard plan.drop_last == 0 else { throw bad("drop_last", 1, "0 with batch_starts") }
  guard plan.batch_count >= 1, plan.batch_count <= plan.sampler.length else {
    throw bad("batch_count", Double(plan.batch_count), "in 1 ... sampler.length")
  }
  for index in 0..<Int(plan.batch_count) {
    let (begin, end) = (starts[index], starts[index &+ 1])
    guard begin >= 0, begin < end, end <= plan.sampler.length, end &- begin <= plan.batch_size
    else {
      throw .item(
        what: "batch_starts", index: index,
        text: "the batch must have 1 ... batch_size of the sampler's positions")
    }
  }
}

private func checkClasses(_ plan: UnsafePointer<so_data_plan>) throws(DataProblem) {
  let classes = plan.pointee.classes
  if classes == 0 { return }
  guard classes >= 1, classes <= 1 << 20 else {
    throw bad("classes", Double(classes), "in 0 ... 2^20")
  }
  guard plan.pointee.field_count >= 2 else {
    throw bad("classes", Double(classes), "0 unless there is a field 1")
  }
  let field = so_plan_field(plan, 1).pointee
  guard !isFloatingPoint(field.dtype), field.out_dtype == so_dtype(SO_FLOAT32) else {
    throw .dtype(
      what: "fields", index: 1, text: "with classes it must be integers that become SO_FLOAT32")
  }
  guard field.count == 1, field.out_count == classes, field.offsets == nil else {
    throw .item(
      what: "fields", index: 1, text: "with classes it must have count 1 and out_count classes")
  }
}

private func checkAugmentations(_ plan: so_data_plan) throws(DataProblem) {
  guard plan.augment_length >= 0, plan.augment_length <= 1 << 16 else {
    throw bad("augment_length", Double(plan.augment_length), "in 0 ... 65536")
  }
  if plan.augment_length == 0 { return }
  guard plan.augment != nil else { throw .text("plan.augment is NULL") }
  let most: Int64 = 1 << 20
  guard plan.height >= 1, plan.height <= most else {
    throw bad("height", Double(plan.height), "in 1 ... 2^20")
  }
  guard plan.width >= 1, plan.width <= most else {
    throw bad("width", Double(plan.width), "in 1 ... 2^20")
  }
  guard plan.channels >= 1, plan.channels <= most else {
    throw bad("channels", Double(plan.channels), "in 1 ... 2^20")
  }
  let field = plan.fields.0
  guard field.offsets == nil else {
    throw .item(what: "fields", index: 0, text: "it has offsets, so it can't be augmented")
  }
  guard plan.height &* plan.width &* plan.channels == field.count else {
    throw .item(
      what: "fields", index: 0, text: "its count must be height * width * channels")
  }
  let program = try plan.augmentation()
  if program.mixes, plan.field_count > 1, plan.classes == 0 {
    throw bad("classes", 0, "set, as images are mixed")
  }
}

/// That rows are as long as what is written to them, and that gaps in them can be closed.
private func checkRows(_ plan: UnsafePointer<so_data_plan>) throws(DataProblem) {
  let program = try plan.pointee.program()
  var hasFiles = false
  var hasOffsets = false
  for index in 0..<plan.pointee.field_count {
    let field = so_plan_field(plan, index).pointee
    hasFiles = hasFiles || field.files != nil
    hasOffsets = hasOffsets || field.offsets != nil
    if index == 1, plan.pointee.classes > 0 { continue }
    var expected = Int(field.count)
    if index == 0, let program {
      expected = program.outHeight &* program.outWidth &* program.outChannels
    }
    guard Int(field.out_count) == expected else {
      throw .entry(
        what: "fields", index: Int(index), field: "out_count", value: Double(field.out_count),
        must: "the elements that a sample becomes")
    }
  }
  guard plan.pointee.skip_errors == 0 || !(hasFiles && hasOffsets) else {
    throw bad("skip_errors", 1, "0 where fields with files meet fields with offsets")
  }
}

private func checkFlag(_ name: StaticString, _ value: Int32) throws(DataProblem) {
  guard value == 0 || value == 1 else { throw bad(name, Double(value), "0 or 1") }
}

private func bad(_ name: StaticString, _ value: Double, _ must: StaticString) -> DataProblem {
  .number(what: "plan", field: name, value: value, must: must)
}
