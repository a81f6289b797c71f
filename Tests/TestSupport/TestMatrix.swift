/// A row-major matrix in guarded memory that ends with its last element, with a gap
/// behind every other row.
public final class TestMatrix<Scalar: TestScalar> {
  public let rows: Int
  public let columns: Int
  public let stride: Int
  public let buffer: GuardedBuffer<Scalar>

  /// What is between the rows, and must neither count nor change.
  public static var gap: Scalar { .nan }

  public init(rows: Int, columns: Int, gap: Int = 0, _ element: (Int, Int) -> Scalar) {
    self.rows = rows
    self.columns = columns
    stride = columns + gap
    var elements: [Scalar] = []
    if rows > 0 && columns > 0 {
      elements = Array(repeating: Self.gap, count: (rows - 1) * stride + columns)
      for row in 0..<rows {
        for column in 0..<columns { elements[row * stride + column] = element(row, column) }
      }
    }
    buffer = GuardedBuffer(elements, .end)
  }

  public convenience init(
    rows: Int, columns: Int, gap: Int = 0, _ random: inout SplitMix64
  ) {
    let numbers: [Scalar] = random.numbers(rows * columns, exponents: -3...2)
    self.init(rows: rows, columns: columns, gap: gap) { numbers[$0 * columns + $1] }
  }

  public subscript(row: Int, column: Int) -> Scalar { buffer[row * stride + column] }

  /// Element `row`, `column` of the matrix or of its transpose.
  public func element(_ row: Int, _ column: Int, transposed: Bool) -> Double {
    Double(transposed ? self[column, row] : self[row, column])
  }

  public var gapsAreUntouched: Bool {
    buffer.count == 0
      || (0..<(rows - 1)).allSatisfy { row in
        (columns..<stride).allSatisfy { self[row, $0].isNaN }
      }
  }

  public var elements: [Scalar] {
    (0..<rows).flatMap { row in (0..<columns).map { self[row, $0] } }
  }
}
