import CSwiftOpt
import SwiftOptShims

/// What the workspace is laid out for: a step relies on it and must find it as it was.
struct TensorLayout: Equatable {
  var count, rows, columns, units: Int64
  var parameterDtype, copyDtype: Int32

  init(_ tensor: so_tensor) {
    (count, rows, columns, units) = (tensor.count, tensor.rows, tensor.columns, tensor.units)
    (parameterDtype, copyDtype) = (tensor.parameter_dtype, tensor.copy_dtype)
  }
}

/// What the engine keeps about one tensor between `prepare` and the steps.
struct TensorWork {
  var layout: TensorLayout
  /// Bit i: slot i is present.
  var presentSlots: UInt32 = 0
  /// Bit i: the group's hyper-parameters ask for slot i. One that is present but not
  /// asked for, because a flag was switched off, stays as it is.
  var usedSlots: UInt32 = 0
  /// All arrays are in the computation's dtype, so that tiles may begin anywhere.
  var isNative = true
  /// The gradient of the last step whose memory was compared with all that the
  /// plan writes; most scripts pass the same buffers again.
  var checkedGradient: UnsafeRawPointer?
  var checkedBytes = 0
  /// The gradient whose sums `so_plan_receive` has computed for the next step.
  var receivedGradient: UnsafeRawPointer?
  var receivedDtype: Int32 = 0
  /// The factor of this tensor's gradient in the current step, if the step limits norms.
  var gradientScale: Double = 1
  /// The factor of its coupled decay, and of its step, if the step has trust ratios or
  /// trials.
  var penaltyScale: Double = 1
  var stepScale: Double = 1
  /// The tensor whose coefficients this one uses too.
  var model = 0
  /// Its first entry in the list of units.
  var firstUnit = 0
}

/// One written array, for the search for overlaps.
struct WrittenRange {
  var start: UInt
  var end: UInt
  var tensor: Int32
  var array: TensorArray
}

/// The caller's workspace, cut into typed parts.
struct Workspace {
  /// Tells a prepared workspace from other memory.
  static let magic: UInt64 = 0x7377_6966_746F_7074

  struct Header {
    var magic: UInt64
    var sizes: Sizes
    var rangeCount: Int
    var elementCount: Int
    /// Tensors with received gradients.
    var receivedCount: Int
    var groupCount: Int32
    var optimizer: Int32
  }

  /// How many there are of what the parts hold.
  struct Sizes: Equatable {
    var tensors = 0
    var tiles = 0
    var units = 0
    /// Bytes for the products of the largest matrix.
    var matrixBytes = 0
  }

  let header: UnsafeMutablePointer<Header>
  /// Composing it takes longer than the step of a small tensor.
  let description: DescriptionPointer
  /// `tensors + 1` numbers: tensor i has the tiles firstTile[i] ..< firstTile[i + 1].
  let firstTile: UnsafeMutablePointer<Int>
  let tensors: UnsafeMutablePointer<TensorWork>
  /// `SO_COEFFICIENT_BYTES` for each tensor.
  let coefficients: UnsafeMutableRawPointer
  /// Sorted by address, without empty ones.
  let ranges: UnsafeMutablePointer<WrittenRange>
  /// The gradients of a step that clears them, sorted by address.
  let gradientRanges: UnsafeMutablePointer<WrittenRange>
  /// One per tile: the sums of squares of pass 1, and whether all is finite.
  let tileSums: UnsafeMutablePointer<Double>
  let tileIsFinite: UnsafeMutablePointer<UInt8>
  /// One per tile: what the other passes measure.
  let stepSums: UnsafeMutablePointer<so_tile_sums>
  /// One per unit: the factor of adaptive clipping, and the gradient's norm after it.
  let unitScales: UnsafeMutablePointer<Double>
  let unitNorms: UnsafeMutablePointer<Double>
  let matrixScratch: UnsafeMutableRawPointer
  let size: Int

  /// The parts for these sizes, or nil if the whole overflows.
  init?(at base: UnsafeMutableRawPointer, _ sizes: Sizes) {
    guard sizes.tensors >= 0, sizes.tiles >= 0, sizes.units >= 0, sizes.matrixBytes >= 0,
      sizes.tensors < Int(Int32.max), sizes.tiles < Int.max / 256, sizes.units < Int.max / 64,
      sizes.matrixBytes < Int.max / 4
    else { return nil }
    var cursor = base
    func take<Part>(_ type: Part.Type, _ count: Int) -> UnsafeMutablePointer<Part> {
      let part = cursor.assumingMemoryBound(to: type)
      let bytes = count * MemoryLayout<Part>.stride
      cursor += (bytes + 15) & ~15
      return part
    }
    header = take(Header.self, 1)
    description = take(so_description.self, 1)
    firstTile = take(Int.self, sizes.tensors + 1)
    tensors = take(TensorWork.self, sizes.tensors)
    coefficients = UnsafeMutableRawPointer(
      take(UInt8.self, sizes.tensors * Int(SO_COEFFICIENT_BYTES)))
    ranges = take(WrittenRange.self, sizes.tensors * TensorArray.count)
    gradientRanges = take(WrittenRange.self, sizes.tensors)
    tileSums = take(Double.self, sizes.tiles)
    tileIsFinite = take(UInt8.self, sizes.tiles)
    stepSums = take(so_tile_sums.self, sizes.tiles)
    unitScales = take(Double.self, sizes.units)
    unitNorms = take(Double.self, sizes.units)
    matrixScratch = UnsafeMutableRawPointer(take(UInt8.self, sizes.matrixBytes))
    size = cursor - base
  }

  /// Tiles of a tensor with `count` elements.
  static func tiles(_ count: Int64) -> Int {
    let tile = Int64(SO_TILE_ELEMENTS)
    return Int(count / tile) + (count % tile == 0 ? 0 : 1)
  }

  /// The tensor that tile `index` belongs to: the last whose first tile is not later.
  func tensor(ofTile index: Int) -> Int {
    var low = 0
    var high = header.pointee.sizes.tensors
    while high - low > 1 {
      let middle = (low + high) / 2
      if firstTile[middle] <= index { low = middle } else { high = middle }
    }
    return low
  }

  /// The tensor that unit `index` belongs to: the last whose first unit is not later.
  func tensor(ofUnit index: Int) -> Int {
    var low = 0
    var high = header.pointee.sizes.tensors
    while high - low > 1 {
      let middle = (low + high) / 2
      if tensors[middle].firstUnit <= index { low = middle } else { high = middle }
    }
    return low
  }

  /// The written range that shares memory with `start ..< end`, or nil.
  func range(overlapping start: UInt, _ end: UInt) -> WrittenRange? {
    guard start < end else { return nil }
    var low = 0
    var high = header.pointee.rangeCount
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].end <= start { low = middle + 1 } else { high = middle }
    }
    guard low < header.pointee.rangeCount, ranges[low].start < end else { return nil }
    return ranges[low]
  }
}
