import CSwiftOpt
import SwiftOptData
import SwiftOptOptimizers
import SwiftOptShims

@c @implementation
public func so_augmentation_count() -> Int32 {
  var count: Int32 = 0
  while so_augmentation_description.at(Int(count)) != nil { count += 1 }
  return count
}

@c @implementation
public func so_augmentation_describe(
  _ augmentation: Int32, _ out: UnsafeMutablePointer<so_augmentation_description>
) -> so_status {
  guard let description = so_augmentation_description.at(Int(augmentation)) else {
    return fail(
      DataProblem.number(
        what: "augmentation", field: "", value: Double(augmentation),
        must: "in 0 ..< so_augmentation_count()"))
  }
  out.pointee = description
  return so_status(SO_OK)
}

@c @implementation
public func so_augment_plan(
  _ call: UnsafePointer<so_augment_call>, _ result: UnsafeMutablePointer<so_augment_result>
) -> so_status {
  do throws(DataProblem) {
    let program = try program(call.pointee)
    let scratch = ArrayAugmentation.scratchBytes(program)
    let tasks = ArrayAugmentation.tasks(call.pointee, most: Int.max)
    result.pointee = so_augment_result(
      height: Int64(program.outHeight), width: Int64(program.outWidth),
      workspace_size: Int64(scratch &* tasks), mixes: program.mixes ? 1 : 0, reserved: 0)
    return so_status(SO_OK)
  } catch {
    return fail(error)
  }
}

@c @implementation
public func so_augment(_ call: UnsafePointer<so_augment_call>) -> so_status {
  let settings = so_float_begin()
  defer { so_float_end(settings) }
  do throws(DataProblem) {
    let program = try program(call.pointee)
    if call.pointee.count == 0 { return so_status(SO_OK) }
    guard let images = call.pointee.images else { throw .text("images is NULL") }
    guard let out = call.pointee.out else { throw .text("out is NULL") }
    try checkMemory(call.pointee, program, images, out)
    try checkNumbers(call.pointee)
    let scratch = ArrayAugmentation.scratchBytes(program)
    guard let workspace = call.pointee.workspace, UInt(bitPattern: workspace) % 64 == 0,
      call.pointee.workspace_size >= Int64(scratch)
    else {
      throw .text(
        "workspace is smaller than so_augment_plan's workspace_size, or not aligned to 64")
    }
    var job = ArrayAugmentation(call.pointee, program, images, out, workspace)
    let most = Int(call.pointee.workspace_size) / scratch
    job.run(tasks: ArrayAugmentation.tasks(call.pointee, most: most))
    return so_status(SO_OK)
  } catch {
    return fail(error)
  }
}

/// What the call's program is for its images.
private func program(_ call: so_augment_call) throws(DataProblem) -> AugmentationProgram {
  guard call.count >= 0, call.count <= 1 << 31 else {
    throw .number(what: "count", field: "", value: Double(call.count), must: "in 0 ... 2^31")
  }
  for size in [call.height, call.width] where size < 1 || size > 32768 {
    throw .number(what: "image", field: "side", value: Double(size), must: "in 1 ... 32768")
  }
  guard call.channels >= 1, call.channels <= Int64(SO_AUGMENTATION_MAX_CHANNELS) else {
    throw .number(
      what: "image", field: "channels", value: Double(call.channels), must: "in 1 ... 16")
  }
  guard call.program_length >= 0 else { throw .text("program_length is negative") }
  let program = try AugmentationProgram(
    call.program, Int(call.program_length),
    source: SampleForm(
      dtype: call.dtype, height: Int(call.height), width: Int(call.width),
      channels: Int(call.channels)),
    outDtype: call.out_dtype, dividesBy255: true)
  // Images have less than 2^31 values of up to 8 bytes, before and after.
  let most = max(ArrayAugmentation.imageBytes(call), ArrayAugmentation.outBytes(call, program))
  guard call.count <= (1 << 60) / Int64(most) else {
    throw .number(
      what: "count", field: "", value: Double(call.count), must: "small enough for 2^60 bytes")
  }
  guard call.labels == nil || program.mixes else {
    throw .text("labels are given, but the program doesn't mix images")
  }
  guard call.labels == nil || (call.classes >= 1 && call.classes <= 1 << 24) else {
    throw .number(what: "classes", field: "", value: Double(call.classes), must: "in 1 ... 2^24")
  }
  return program
}

private func checkNumbers(_ call: so_augment_call) throws(DataProblem) {
  guard let numbers = call.numbers else { return }
  for index in 0..<Int(call.count) where numbers[index] < 0 || numbers[index] >= 1 << 48 {
    throw .entry(
      what: "indices", index: index, field: "", value: Double(numbers[index]), must: "in 0 ..< 2^48"
    )
  }
}

/// Images, results and labels are aligned, and share no memory.
private func checkMemory(
  _ call: so_augment_call, _ program: AugmentationProgram, _ images: UnsafeRawPointer,
  _ out: UnsafeMutableRawPointer
) throws(DataProblem) {
  let source = UInt(bitPattern: images)
  let target = UInt(bitPattern: out)
  let imageBytes = UInt(call.count) &* UInt(ArrayAugmentation.imageBytes(call))
  let outBytes = UInt(call.count) &* UInt(ArrayAugmentation.outBytes(call, program))
  guard target % UInt(elementBytes(call.out_dtype)) == 0 else {
    throw .text("out is not aligned to its element size")
  }
  // The distance in the other direction wraps around, to more than any array has.
  guard target &- source >= imageBytes, source &- target >= outBytes else {
    throw .text("images and out share memory")
  }
  guard let labels = call.labels else { return }
  let first = UInt(bitPattern: labels)
  guard first % 4 == 0 else { throw .text("labels is not aligned to its element size") }
  let labelBytes = UInt(call.count) &* UInt(call.classes) &* 4
  guard first &- target >= outBytes, target &- first >= labelBytes, first &- source >= imageBytes,
    source &- first >= labelBytes
  else { throw .text("labels share memory with images or out") }
}

private func elementBytes(_ dtype: so_dtype) -> Int {
  switch dtype {
  case so_dtype(SO_UINT8): 1
  case so_dtype(SO_BFLOAT16), so_dtype(SO_FLOAT16): 2
  case so_dtype(SO_FLOAT64): 8
  default: 4
  }
}

/// Stores the text for a setting that is out of bounds.
func failSetting(_ index: Int, _ augmentation: Int, _ setting: Int32, _ value: Double) {
  guard let description = so_augmentation_description.at(augmentation) else { return }
  let bounds = description.setting(setting)
  let name = bounds.name ?? characters("")
  let what = description.name ?? characters("augment")
  if value == bounds.minimum && bounds.minimum_is_open != 0 {
    so_error_set_number(what, -1, name, value, characters("greater than its lower bound"))
  } else if bounds.is_whole != 0 && value >= bounds.minimum && value <= bounds.maximum {
    so_error_set_number(what, -1, name, value, characters("a whole number"))
  } else {
    so_error_set_bounds(what, -1, name, value, bounds.minimum, bounds.maximum, 0, 0)
  }
}
