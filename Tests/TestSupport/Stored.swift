import CSwiftOpt
import SwiftOptShims

/// How numbers are stored in a dtype, and where their random bits come from.
public struct Storage: Sendable {
  public var dtype: Int
  public var isStochastic = false
  public var random = RandomSource(key: 0, update: 0)
  /// Of the first element in its tensor, a multiple of 256.
  public var index = 0

  public init(_ dtype: Int) { self.dtype = dtype }

  public static func stochastic(_ dtype: Int, _ random: RandomSource) -> Storage {
    var storage = Storage(dtype)
    storage.isStochastic = true
    storage.random = random
    return storage
  }

  public var elementSize: Int {
    switch dtype {
    case SO_FLOAT64: 8
    case SO_FLOAT32: 4
    case SO_FLOAT16, SO_BFLOAT16: 2
    default: 1
    }
  }

  var isInBlocks: Bool { elementSize == 1 }
}

/// Numbers as their dtype's bits, with the scales of 8-bit blocks.
public struct Stored: Equatable {
  public var bytes: [UInt8]
  public var scales: [Float]

  public init(bytes: [UInt8], scales: [Float] = []) {
    self.bytes = bytes
    self.scales = scales
  }

  public init(halves: [UInt16]) { self.init(bytes: halves.withUnsafeBytes { Array($0) }) }

  public var halves: [UInt16] {
    bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 2).map { bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self) }
    }
  }

  public func hasSameBits(as other: Stored) -> Bool {
    bytes == other.bytes && haveSameBits(scales, other.scales)
  }
}

extension InstructionLevel {
  /// Stores `values` in memory whose ends are guarded.
  public func encode<Scalar: TestScalar>(
    _ values: [Scalar], _ storage: Storage, _ placement: Placement = .end
  ) -> Stored {
    let source = GuardedBuffer(values, placement)
    let blocks = storage.isInBlocks ? (values.count + 255) / 256 : 0
    let empty = Stored(
      bytes: Array(repeating: 0xA5, count: values.count * storage.elementSize),
      scales: Array(repeating: -1, count: blocks))
    let stored = withRun(empty, storage, values.count, placement) { run in
      kernels.encode!(&run, Scalar.dtype, source.raw)
    }
    precondition(haveSameBits(source.elements, values), "encoding changed its source")
    return stored
  }

  public func decode<Scalar: TestScalar>(
    _ stored: Stored, _ storage: Storage, as scalar: Scalar.Type = Scalar.self,
    _ placement: Placement = .end
  ) -> [Scalar] {
    let count = stored.bytes.count / storage.elementSize
    let out = GuardedBuffer<Scalar>(repeating: 42, count: count, placement)
    let after = withRun(stored, storage, count, placement) { run in
      kernels.decode!(&run, Scalar.dtype, out.raw)
    }
    precondition(after.hasSameBits(as: stored), "decoding changed its source")
    return out.elements
  }

  public func cast(
    _ stored: Stored, from source: Storage, to target: Storage, _ placement: Placement = .end
  ) -> Stored {
    let count = stored.bytes.count / source.elementSize
    var result = Stored(bytes: Array(repeating: 0xA5, count: count * target.elementSize))
    let after = withRun(stored, source, count, placement) { from in
      result = withRun(result, target, count, placement) { to in kernels.cast!(&from, &to) }
    }
    precondition(after.hasSameBits(as: stored), "a cast changed its source")
    return result
  }

  /// Elements of a dtype are aligned to its size, so `.misaligned` shifts by one of them.
  private func withRun(
    _ stored: Stored, _ storage: Storage, _ count: Int, _ placement: Placement,
    _ body: (inout so_stored) -> Void
  ) -> Stored {
    let shift = placement == .misaligned ? storage.elementSize - 1 : 0
    let data = GuardedBuffer([UInt8](repeating: 0, count: shift) + stored.bytes, placement)
    let scales = GuardedBuffer(stored.scales, placement)
    var run = so_stored(
      data: data.raw + shift, scales: storage.isInBlocks ? scales.pointer : nil,
      dtype: Int32(storage.dtype),
      rounding: Int32(storage.isStochastic ? SO_ROUND_STOCHASTIC : SO_ROUND_NEAREST),
      count: Int64(count), index: Int64(storage.index), random_key: storage.random.key,
      random_update: storage.random.update)
    body(&run)
    return Stored(bytes: Array(data.elements.dropFirst(shift)), scales: scales.elements)
  }
}
