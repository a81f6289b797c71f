import CSwiftOpt

/// A field of a plan, to be checked on its own.
struct FieldCheck {
  let field: so_data_field
  let index: Int
  let sampleCount: Int64
  let batchSize: Int64

  func check() throws(DataProblem) {
    try checkForm()
    if field.files != nil { try checkFiles() } else { try checkMemory() }
    if field.offsets != nil { try checkOffsets() }
  }

  private func checkForm() throws(DataProblem) {
    guard elementSize(field.dtype) > 0 else {
      throw .dtype(what: "fields", index: index, text: "its dtype is none that samples can have")
    }
    guard elementSize(field.out_dtype) > 0, isConvertible(field.dtype, to: field.out_dtype) else {
      throw .dtype(
        what: "fields", index: index, text: "its dtype can't be converted to its out_dtype")
    }
    try checkFlag("divides_by_255", field.divides_by_255)
    try checkFlag("is_batch", field.is_batch)
    guard
      field.divides_by_255 == 0
        || field.dtype == so_dtype(SO_UINT8) && isFloatingPoint(field.out_dtype)
    else {
      throw bad("divides_by_255", 1, "0 unless SO_UINT8 becomes floating point")
    }
    guard field.count >= 1, field.count <= mostElements else {
      throw bad("count", Double(field.count), "in 1 ... 2^40")
    }
    guard field.out_count >= 1, field.out_count <= mostElements else {
      throw bad("out_count", Double(field.out_count), "in 1 ... 2^40")
    }
    guard fits(Int64(field.rowBytes), batchSize) else {
      throw bad("out_count", Double(field.out_count), "small enough for a batch of 2^60 bytes")
    }
  }

  private func checkMemory() throws(DataProblem) {
    guard field.base != nil else { throw bad("its base is NULL, and it has no files") }
    guard field.cache.samples == nil else { throw bad("it is in memory, so it can't have a cache") }
    if field.offsets != nil { return }
    let samples = field.is_batch != 0 ? batchSize : sampleCount
    guard field.stride.magnitude <= UInt64(mostBytes), fits(abs(field.stride), samples) else {
      throw bad("stride", Double(field.stride), "small enough for 2^60 bytes of samples")
    }
  }

  private func checkFiles() throws(DataProblem) {
    guard let files = field.files, field.file_count >= 1, field.file_count <= 1 << 31 else {
      throw bad("file_count", Double(field.file_count), "in 1 ... 2^31")
    }
    guard field.is_batch == 0 else { throw bad("is_batch", 1, "0 with files") }
    var first: Int64 = 0
    for number in 0..<Int(field.file_count) {
      let file = files[number]
      guard file.descriptor >= 0 else {
        throw badFile(number, "descriptor", Double(file.descriptor), "0 or more")
      }
      guard file.count >= 0, file.count <= sampleCount &- first else {
        throw badFile(number, "count", Double(file.count), "what is left of sample_count, or less")
      }
      guard file.first == first else {
        throw badFile(number, "first", Double(file.first), "the sum of the counts before it")
      }
      guard file.offset >= 0, file.offset <= mostBytes, fits(Int64(field.sampleBytes), file.count)
      else {
        throw badFile(number, "offset", Double(file.offset), "at least 0, and end below 2^61")
      }
      first &+= file.count
    }
    guard first == sampleCount else {
      throw bad("the counts of its files don't add up to sample_count")
    }
    try checkCache()
  }

  private func checkCache() throws(DataProblem) {
    let cache = field.cache
    guard cache.samples != nil else { return }
    guard let slots = cache.slots else { throw bad("its cache.slots is NULL") }
    guard let used = cache.used else { throw bad("its cache.used is NULL") }
    guard UInt(bitPattern: slots) % 4 == 0, UInt(bitPattern: used) % 8 == 0 else {
      throw bad("its cache.slots or cache.used is not aligned to its element size")
    }
    guard cache.capacity >= 0, cache.capacity < Int64(UInt32.max),
      fits(Int64(field.sampleBytes), cache.capacity)
    else {
      throw bad("cache.capacity", Double(cache.capacity), "in 0 ..< 2^32 - 1")
    }
  }

  private func checkOffsets() throws(DataProblem) {
    guard field.files == nil else { throw bad("it has files, so it can't have offsets") }
    guard field.is_batch == 0 else { throw bad("is_batch", 1, "0 with offsets") }
    guard field.item_count >= 0, fits(Int64(field.sampleBytes), field.item_count) else {
      throw bad("item_count", Double(field.item_count), "at least 0, and less than 2^60 bytes")
    }
    guard field.item_room >= 1, fits(Int64(field.rowBytes), field.item_room) else {
      throw bad("item_room", Double(field.item_room), "at least 1, and less than 2^60 bytes")
    }
    guard isNumber(field.pad, of: field.out_dtype) else {
      throw bad("pad", field.pad, "a number that its out_dtype has")
    }
  }

  private func checkFlag(_ name: StaticString, _ value: Int32) throws(DataProblem) {
    guard value == 0 || value == 1 else { throw bad(name, Double(value), "0 or 1") }
  }

  private func bad(_ text: StaticString) -> DataProblem {
    .item(what: "fields", index: index, text: text)
  }

  private func bad(_ name: StaticString, _ value: Double, _ must: StaticString) -> DataProblem {
    .entry(what: "fields", index: index, field: name, value: value, must: must)
  }

  private func badFile(
    _ number: Int, _ name: StaticString, _ value: Double, _ must: StaticString
  ) -> DataProblem {
    .entry(what: "files", index: number, field: name, value: value, must: must)
  }
}

private let mostElements: Int64 = 1 << 40
private let mostBytes: Int64 = 1 << 60

/// Whether so many things of so many bytes are no more than 2^60.
private func fits(_ bytes: Int64, _ count: Int64) -> Bool {
  let (product, overflows) = bytes.multipliedReportingOverflow(by: count)
  return !overflows && product <= mostBytes
}

/// Whether an integer dtype has the number; floating-point ones have all, rounded.
private func isNumber(_ value: Double, of dtype: so_dtype) -> Bool {
  if isFloatingPoint(dtype) { return true }
  // What doesn't fit an Int64 (2^63 and above, NaN) fits no dtype here.
  guard value >= -0x1p63, value < 0x1p63, Double(Int64(value)) == value else { return false }
  let whole = Int64(value)
  switch dtype {
  case SO_UINT8: return UInt8(exactly: whole) != nil
  case SO_INT8: return Int8(exactly: whole) != nil
  case SO_INT16: return Int16(exactly: whole) != nil
  case SO_UINT16: return UInt16(exactly: whole) != nil
  case SO_INT32: return Int32(exactly: whole) != nil
  case SO_UINT32: return UInt32(exactly: whole) != nil
  case SO_UINT64: return whole >= 0
  default: return true
  }
}
