import CSwiftOpt
import TestSupport

/// What elements of a product's matrices may be.
enum MatrixDtype: CaseIterable {
  case float32, float64, bfloat16

  var code: Int32 {
    switch self {
    case .float32: Int32(SO_FLOAT32)
    case .float64: Int32(SO_FLOAT64)
    case .bfloat16: Int32(SO_BFLOAT16)
    }
  }

  var bytes: Int {
    switch self {
    case .float32: 4
    case .float64: 8
    case .bfloat16: 2
    }
  }

  /// Half of the distance of neighbours, relative to the number.
  var unit: Double {
    switch self {
    case .float32: 0x1p-24
    case .float64: 0x1p-53
    case .bfloat16: 0x1p-8
    }
  }

  func nearest(_ value: Double) -> Double {
    switch self {
    case .float32: Double(Float(value))
    case .float64: value
    case .bfloat16: HalfFormat.bfloat16.nearest(value)
    }
  }
}

/// A row-major matrix of any dtype in guarded memory that ends with its last element, with a
/// gap of what is not a number behind every other row.
final class ProductMatrix {
  let rows: Int
  let columns: Int
  let stride: Int
  let dtype: MatrixDtype
  private let buffer: GuardedBuffer<UInt8>

  init(
    rows: Int, columns: Int, gap: Int = 0, _ dtype: MatrixDtype, _ element: (Int, Int) -> Double
  ) {
    (self.rows, self.columns, self.dtype) = (rows, columns, dtype)
    stride = columns + gap
    let count = rows > 0 && columns > 0 ? (rows - 1) * stride + columns : 0
    buffer = GuardedBuffer(repeating: 0xFF, count: count * dtype.bytes, .end)
    for row in 0..<rows { for column in 0..<columns { self[row, column] = element(row, column) } }
  }

  convenience init(
    rows: Int, columns: Int, gap: Int = 0, _ dtype: MatrixDtype, _ random: inout SplitMix64
  ) {
    let numbers: [Float] = random.numbers(rows * columns, exponents: -3...2)
    self.init(rows: rows, columns: columns, gap: gap, dtype) { Double(numbers[$0 * columns + $1]) }
  }

  var pointer: UnsafeMutableRawPointer { buffer.raw }

  /// Writing rounds to the dtype.
  subscript(row: Int, column: Int) -> Double {
    get { element(row * stride + column) }
    set {
      let place = row * stride + column
      switch dtype {
      case .float32:
        pointer.storeBytes(of: Float(newValue), toByteOffset: 4 * place, as: Float.self)
      case .float64: pointer.storeBytes(of: newValue, toByteOffset: 8 * place, as: Double.self)
      case .bfloat16:
        let bits = Float(HalfFormat.bfloat16.nearest(newValue)).bitPattern >> 16
        pointer.storeBytes(
          of: UInt16(truncatingIfNeeded: bits), toByteOffset: 2 * place, as: UInt16.self)
      }
    }
  }

  private func element(_ place: Int) -> Double {
    switch dtype {
    case .float32: Double(pointer.load(fromByteOffset: 4 * place, as: Float.self))
    case .float64: pointer.load(fromByteOffset: 8 * place, as: Double.self)
    case .bfloat16:
      Double(
        Float(
          bitPattern: UInt32(pointer.load(fromByteOffset: 2 * place, as: UInt16.self)) << 16))
    }
  }

  var gapsAreUntouched: Bool {
    (0..<max(0, rows - 1)).allSatisfy { row in
      columns == 0 || (columns..<stride).allSatisfy { self[row, $0].isNaN }
    }
  }

  var bytes: [UInt8] { buffer.elements }
}
