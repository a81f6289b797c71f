import CSwiftOpt
import SwiftOptShims

/// What the engine keeps about one tensor between `prepare` and the steps.
struct TensorWork {
  /// Bit i: slot i is present.
  var presentSlots: UInt32 = 0
  /// Bit i: the group's hyper-parameters ask for slot i. One that is present but not
  /// asked for, because a flag was switched off, stays as it is.
  var usedSlots: UInt32 = 0
  /// The gradient of the last step whose memory was compared with all that the
  /// plan writes; most scripts pass the same buffers again.
  var checkedGradient: UnsafeRawPointer?
  var checkedBytes = 0
  /// The factor that limits this tensor's gradient in the current step. Only set in a
  /// step that limits norms.
  var gradientScale: Double = 1
  /// The tensor whose coefficients this one uses too.
  var model = 0
}

/// One written array, for the search for overlaps.
struct WrittenRange {
  var start: UInt
  var end: UInt
  var tensor: Int
  /// 0: the parameter, 1...4: slots, 5: the scalars.
  var array: Int
}

/// The caller's workspace, cut into typed parts.
struct Workspace {
  /// Tells a prepared workspace from other memory.
  static let magic: UInt64 = 0x7377_6966_746F_7074

  struct Header {
    var magic: UInt64
    var tensorCount: Int
    var tileCount: Int
    var rangeCount: Int
    var elementCount: Int
    var groupCount: Int32
    var optimizer: Int32
    /// Composing it takes longer than the step of a small tensor.
    var description: so_description
  }

  static let arraysPerTensor = 2 + Int(SO_MAX_SLOTS)

  let header: UnsafeMutablePointer<Header>
  /// `tensorCount + 1` numbers: tensor i has the tiles firstTile[i] ..< firstTile[i + 1].
  let firstTile: UnsafeMutablePointer<Int>
  let tensors: UnsafeMutablePointer<TensorWork>
  /// `SO_COEFFICIENT_BYTES` for each tensor.
  let coefficients: UnsafeMutableRawPointer
  /// Sorted by address, without empty ones.
  let ranges: UnsafeMutablePointer<WrittenRange>
  /// One per tile: the sums of squares of pass 1, and whether all is finite.
  let tileSums: UnsafeMutablePointer<Double>
  let tileIsFinite: UnsafeMutablePointer<UInt8>
  let size: Int

  /// The parts for this many tensors and tiles, or nil if their size overflows.
  init?(at base: UnsafeMutableRawPointer, tensorCount: Int, tileCount: Int) {
    guard tensorCount >= 0, tileCount >= 0,
      tensorCount < Int(Int32.max), tileCount < Int.max / 64
    else { return nil }
    var cursor = base
    func take<Part>(_ type: Part.Type, _ count: Int) -> UnsafeMutablePointer<Part> {
      let part = cursor.assumingMemoryBound(to: type)
      let bytes = count * MemoryLayout<Part>.stride
      cursor += (bytes + 15) & ~15
      return part
    }
    header = take(Header.self, 1)
    firstTile = take(Int.self, tensorCount + 1)
    tensors = take(TensorWork.self, tensorCount)
    coefficients = UnsafeMutableRawPointer(
      take(UInt8.self, tensorCount * Int(SO_COEFFICIENT_BYTES)))
    ranges = take(WrittenRange.self, tensorCount * Self.arraysPerTensor)
    tileSums = take(Double.self, tileCount)
    tileIsFinite = take(UInt8.self, tileCount)
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
    var high = header.pointee.tensorCount
    while high - low > 1 {
      let middle = (low + high) / 2
      if firstTile[middle] <= index { low = middle } else { high = middle }
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
