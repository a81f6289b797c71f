import CSwiftOpt
import SwiftOptShims

extension PartFill {
  /// Gathers samples that lie in files. What lies there one after the other and isn't in the
  /// cache is read at once, into the batch itself where nothing is left to do.
  func fillFromFiles(
    _ field: UnsafePointer<so_data_field>, _ number: Int32, _ first: Int, _ count: Int
  ) {
    guard let files = field.pointee.files else { return }
    let bytes = field.pointee.sampleBytes
    let isDirect =
      field.pointee.dtype == field.pointee.out_dtype && !(number == 0 && program != nil)
      && !(number == 1 && plan.pointee.classes > 0)
    var file = 0
    var done = 0
    while done < count {
      let row = first &+ done
      let sample = indices[done]
      if skips, fill.pointee.dropped[row] != 0 {  // another field of it couldn't be read
        done &+= 1
        continue
      }
      if let cached = cached(field, sample) {
        writeRows(field, number, cached, row: row, index: done, count: 1)
        report.pointee.cache_hits &+= 1
        if isFatal { return }
        done &+= 1
        continue
      }
      file = self.file(of: sample, in: field, from: file)
      let run = runLength(field, files[file], done, count &- done)
      let target = isDirect ? output(number) + row &* field.pointee.rowBytes : staging
      let offset = files[file].offset &+ (sample &- files[file].first) &* Int64(bytes)
      var error: Int32 = 0
      let got = Int(
        so_read_at(files[file].descriptor, target, Int64(run &* bytes), offset, &error))
      report.pointee.bytes_read &+= Int64(got)
      let complete = got / bytes
      if field.pointee.cache.samples != nil {
        report.pointee.cache_misses &+= Int64(complete)
        for index in 0..<complete {
          keep(field, sample &+ Int64(index), target + index &* bytes)
        }
      }
      if !isDirect, complete > 0 {
        writeRows(field, number, target, row: row, index: done, count: complete)
      }
      done &+= complete
      if complete < run {
        note(
          SO_FAULT_READ, field: number, row: row &+ complete, value: sample &+ Int64(complete),
          file: Int32(truncatingIfNeeded: file), offset: offset &+ Int64(got), error: error)
        if skips {
          fill.pointee.dropped[row &+ complete] = 1
          report.pointee.read_errors &+= 1
          done &+= 1
        }
      }
      if isFatal || so_fill_is_stopped(fill) != 0 { return }
    }
  }

  /// The sample in the cache, if it is there.
  @inline(__always)
  private func cached(_ field: UnsafePointer<so_data_field>, _ sample: Int64)
    -> UnsafeRawPointer?
  {
    guard let samples = field.pointee.cache.samples else { return nil }
    var cache = field.pointee.cache
    let slot = so_cache_find(&cache, sample)
    if slot < 0 || slot >= cache.capacity { return nil }
    return UnsafeRawPointer(samples) + Int(slot) &* field.pointee.sampleBytes
  }

  /// Puts a sample into the cache while there is room.
  private func keep(
    _ field: UnsafePointer<so_data_field>, _ sample: Int64, _ source: UnsafeRawPointer
  ) {
    guard let samples = field.pointee.cache.samples else { return }
    var cache = field.pointee.cache
    let slot = so_cache_claim(&cache, sample)
    if slot < 0 { return }
    let bytes = field.pointee.sampleBytes
    (samples + Int(slot) &* bytes).copyMemory(from: source, byteCount: bytes)
    so_cache_publish(&cache, sample, slot)
  }

  /// How many samples from `indices[done]` on can be read at once.
  private func runLength(
    _ field: UnsafePointer<so_data_field>, _ file: so_data_file, _ done: Int, _ most: Int
  ) -> Int {
    let sample = indices[done]
    let rest = file.first &+ file.count &- sample
    let limit = rest < Int64(most) ? Int(rest) : most
    var run = 1
    while run < limit, indices[done &+ run] == sample &+ Int64(run),
      cached(field, sample &+ Int64(run)) == nil
    {
      run &+= 1
    }
    return run
  }

  /// Which file has the sample; `guess` is one that may have it.
  private func file(
    of sample: Int64, in field: UnsafePointer<so_data_field>, from guess: Int
  ) -> Int {
    guard let files = field.pointee.files else { return 0 }
    if sample >= files[guess].first, sample &- files[guess].first < files[guess].count {
      return guess
    }
    // The last one that begins at or before it; an empty file begins where the next one does.
    var low = 0
    var high = Int(field.pointee.file_count)
    while high &- low > 1 {
      let middle = (low &+ high) / 2
      if files[middle].first <= sample { low = middle } else { high = middle }
    }
    return low
  }
}
