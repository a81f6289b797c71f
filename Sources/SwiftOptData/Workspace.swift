import CSwiftOpt
import SwiftOptShims

/// How a batch is divided into parts, and what a thread needs to fill one.
struct Workspace {
  /// Rows of a part.
  let rows: Int
  /// Bytes from the start of the workspace, each a multiple of 64; the indices are at 0.
  let staging: Int
  let scratch: Int
  let bytes: Int

  init(_ plan: UnsafePointer<so_data_plan>, scratchBytes: Int) {
    var bytesPerRow = 0
    var stagingPerRow = 0
    for index in 0..<plan.pointee.field_count {
      let field = so_plan_field(plan, index).pointee
      bytesPerRow &+= field.sampleBytes &+ field.rowBytes
      if field.files != nil, field.sampleBytes > stagingPerRow { stagingPerRow = field.sampleBytes }
    }
    let fitting = partBytes / bytesPerRow
    let most = fitting < 1 ? 1 : fitting > mostRows ? mostRows : fitting
    let batchSize = Int(plan.pointee.batch_size)
    rows = most < batchSize ? most : batchSize
    staging = rounded(rows &* 8)
    scratch = staging &+ rounded(rows &* stagingPerRow)
    bytes = scratch &+ rounded(scratchBytes)
  }
}

/// A part takes some ten microseconds: long enough that taking it costs nothing, short enough
/// that threads stop at once, share one batch evenly, and find in the second cache level what
/// they have just read.
private let partBytes = 256 << 10
private let mostRows = 4096

private func rounded(_ bytes: Int) -> Int { (bytes &+ 63) & ~63 }
