import CSwiftOpt
import Glibc
import SwiftOptOptimizers
import SwiftOptShims
import TestSupport
import XCTest

@testable import SwiftOptEngine

/// The factored second moments of Adafactor against Shazeer & Stern 2018, algorithm 4, with
/// torch's means and floors, in float64.
final class FactoredMomentsTests: XCTestCase {
  /// Matrices × rows × columns. The last ones are cut into blocks of rows, share tasks with
  /// others, and have rows longer than what is worked on at a time.
  private let shapes = [
    (1, 1, 1), (1, 3, 5), (3, 4, 2), (2, 1, 40), (1, 40, 1), (1, 250, 300), (2, 131, 513),
    (700, 7, 9), (1, 20, 5000),
  ]
  private let leastMean = 1e-3
  private let least = 1e-6

  func testBaseline() throws { try check(.baseline) }
  func testAVX2() throws { try check(.avx2) }
  func testAVX512() throws { try check(.avx512) }

  private func check(_ level: InstructionLevel) throws {
    try XCTSkipUnless(level.isSupported, "this machine has no \(level)")
    for shape in shapes {
      compare(level, Float.self, shape)
      compare(level, Double.self, shape)
    }
  }

  /// After k steps a moment has k roundings, as an average of positive numbers does not let
  /// relative errors grow; V has those of R, of R's mean and of C, and two more; a root halves
  /// them and rounds once, the quotient once more. Sums of n squares in float64 add n · 2⁻⁵².
  private func compare<Scalar: TestScalar>(
    _ level: InstructionLevel, _ scalar: Scalar.Type, _ shape: (Int, Int, Int)
  ) {
    var state = State<Scalar>(shape)
    var reference = ReferenceMoments(shape)
    var random = SplitMix64(seed: shape.1)
    let (matrices, rows, columns) = shape
    for step in 1...3 {
      let gradient: [Scalar] = random.numbers(matrices * rows * columns, exponents: -4...2)
      let share = step == 1 ? 1 : 0.4
      let quotients = state.step(level, gradient, share: share, leastMean, least)
      let expected = reference.step(gradient.map(Double.init), share: share, leastMean, least)
      let k = Double(step)
      let sums = Double(max(rows, columns)) * 0x1p-52
      let unit = Scalar.precision.unit
      let name = "\(shape), step \(step), \(level)"
      assertClose(state.rows, reference.rows, relative: k * unit + sums, name)
      assertClose(state.columns, reference.columns, relative: k * unit + sums, name)
      assertClose(quotients, expected, relative: (1.5 * k + 3) * unit + 2 * sums, name)
    }
  }

  private func assertClose<Scalar: TestScalar>(
    _ values: [Scalar], _ expected: [Double], relative: Double, _ name: String
  ) {
    XCTAssertEqual(values.count, expected.count)
    let bad = zip(values, expected).filter { value, expected in
      !((Double(value) - expected).magnitude <= relative * expected.magnitude)
    }
    XCTAssertEqual(bad.count, 0, "\(name): \(bad.first.map { "\($0)" } ?? "")")
  }

  func testAllLevelsGiveTheSameBits() {
    for shape in shapes {
      var random = SplitMix64(seed: 9)
      let gradient: [Float] = random.numbers(shape.0 * shape.1 * shape.2, exponents: -20...20)
      let results = InstructionLevel.supported.map { level -> [Float] in
        var state = State<Float>(shape)
        return state.step(level, gradient, share: 0.5, leastMean, least) + state.rows
          + state.columns
      }
      for result in results { XCTAssertTrue(haveSameBits(result, results[0]), "\(shape)") }
    }
  }

  /// Without floors, rows and columns of zeros don't become 0 / 0.
  func testZerosGiveNoStep() {
    for level in InstructionLevel.supported {
      var state = State<Float>((2, 2, 3))
      let gradient: [Float] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2]
      let quotients = state.step(level, gradient, share: 1, 0, 0)
      XCTAssertEqual(quotients.filter { $0 != 0 }.count, 2)
      XCTAssertTrue(quotients.allSatisfy(\.isFinite))
    }
  }

  func testWhatIsNotANumberSpoilsItsMatrixOnly() {
    for level in InstructionLevel.supported {
      var state = State<Float>((2, 2, 3))
      var gradient = [Float](repeating: 1, count: 12)
      gradient[4] = .nan
      let quotients = state.step(level, gradient, share: 1, leastMean, least)
      // The mean of R is not a number, so the whole first matrix is none.
      XCTAssertEqual(quotients.map(\.isNaN), (0..<12).map { $0 < 6 })
    }
  }
}

/// The moments of one tensor, in guarded memory.
private struct State<Scalar: TestScalar> {
  let shape: (matrices: Int, rows: Int, columns: Int)
  var rows: [Scalar]
  var columns: [Scalar]

  init(_ shape: (Int, Int, Int)) {
    self.shape = shape
    rows = Array(repeating: 0, count: shape.0 * shape.1)
    columns = Array(repeating: 0, count: shape.0 * shape.2)
  }

  /// Advances the moments and returns the quotients, as the engine does, task by task.
  mutating func step(
    _ level: InstructionLevel, _ gradient: [Scalar], share: Double, _ leastMean: Double,
    _ least: Double
  ) -> [Scalar] {
    let rowBuffer = GuardedBuffer(rows, .end)
    let columnBuffer = GuardedBuffer(columns, .end)
    let bytes = FactoredMoments.workspaceBytes(
      count: gradient.count, rows: shape.rows, columns: shape.columns)
    let workspace = GuardedBuffer<Double>(repeating: .nan, count: bytes / 8, .end)
    let moments = FactoredMoments(
      dtype: Scalar.dtype, count: gradient.count, rows: shape.rows, columns: shape.columns,
      rowMoments: rowBuffer.raw, columnMoments: columnBuffer.raw, workspace: workspace.raw)
    let pipeline = FactoredPipeline(gradient)
    var covered = 0
    for task in 0..<moments.taskCount {
      let elements = moments.elements(ofTask: task)
      precondition(elements.lowerBound == covered, "tasks must follow each other")
      covered = elements.upperBound
      pipeline.run(elements, moments.begin(task: task), level.kernels.factor_sums!)
    }
    precondition(covered == gradient.count, "tasks must cover all elements")
    moments.finish(share: share, leastMean: leastMean)
    pipeline.run(0..<gradient.count, moments.factors(least: least), level.kernels.update!)
    withExtendedLifetime(workspace) {}
    rows = rowBuffer.elements
    columns = columnBuffer.elements
    return pipeline.steps.elements
  }
}

/// A run of the kernels' pipeline that leaves the quotients as its steps.
private struct FactoredPipeline<Scalar: TestScalar> {
  let gradient: GuardedBuffer<Scalar>
  let parameter: GuardedBuffer<Scalar>
  let steps: GuardedBuffer<Scalar>
  let scratch = GuardedBuffer<SIMD64<UInt8>>(
    repeating: SIMD64(), count: Int(SO_SCRATCH_BYTES) / 64, .end)

  init(_ gradient: [Scalar]) {
    self.gradient = GuardedBuffer(gradient, .end)
    parameter = GuardedBuffer(repeating: 1, count: gradient.count, .end)
    steps = GuardedBuffer(repeating: .nan, count: gradient.count, .end)
  }

  func run(
    _ elements: Range<Int>, _ factors: so_factors,
    _ kernel: @convention(c) (UnsafePointer<so_update>) -> Void
  ) {
    // A trial's numbers: the step is the quotient itself.
    let hyperparameters: [Double] = [-0.8, 0, 1e-3, 1, 0]
    var scalars = [1.0]
    let coefficients = hyperparameters.withUnsafeBufferPointer { hyperparameters in
      scalars.withUnsafeMutableBufferPointer { scalars in
        Adafactor.coefficients(
          for: TensorStep(
            lr: 0.01, weightDecay: 0, hyperparameters: hyperparameters.baseAddress!,
            scalars: scalars.baseAddress!))
      }
    }
    withUnsafePointer(to: factors) { factors in
      withUnsafePointer(to: coefficients) { coefficients in
        // All that isn't named is 0 or nil.
        let update = UnsafeMutablePointer<so_update>.allocate(capacity: 1)
        defer { update.deallocate() }
        memset(update, 0, MemoryLayout<so_update>.size)
        update.pointee.optimizer = OptimizerEntry.named("adafactor").id
        (update.pointee.dtype, update.pointee.parameter_dtype, update.pointee.gradient_dtype) = (
          Scalar.dtype, Scalar.dtype, Scalar.dtype
        )
        (update.pointee.index, update.pointee.count) = (
          Int64(elements.lowerBound), Int64(elements.count)
        )
        update.pointee.parameter = parameter.raw
        update.pointee.gradient = UnsafeRawPointer(gradient.raw)
        (update.pointee.scale, update.pointee.clip_value, update.pointee.step_scale) = (
          1, .infinity, 1
        )
        update.pointee.coefficients = UnsafeRawPointer(coefficients)
        update.pointee.factors = factors
        (update.pointee.steps, update.pointee.steps_role) = (steps.raw, Int32(SO_STEPS_GIVE))
        update.pointee.scratch = scratch.raw
        kernel(update)
      }
    }
  }
}

private struct ReferenceMoments {
  let shape: (matrices: Int, rows: Int, columns: Int)
  var rows: [Double]
  var columns: [Double]

  init(_ shape: (Int, Int, Int)) {
    self.shape = shape
    rows = Array(repeating: 0, count: shape.0 * shape.1)
    columns = Array(repeating: 0, count: shape.0 * shape.2)
  }

  mutating func step(_ g: [Double], share: Double, _ leastMean: Double, _ least: Double)
    -> [Double]
  {
    var quotients = g
    for matrix in 0..<shape.matrices {
      func place(_ row: Int, _ column: Int) -> Int {
        (matrix * shape.rows + row) * shape.columns + column
      }
      for row in 0..<shape.rows {
        let squares = (0..<shape.columns).map { g[place(row, $0)] * g[place(row, $0)] }
        let mean = squares.reduce(0, +) / Double(shape.columns)
        rows[matrix * shape.rows + row] *= 1 - share
        rows[matrix * shape.rows + row] += share * mean
      }
      for column in 0..<shape.columns {
        let squares = (0..<shape.rows).map { g[place($0, column)] * g[place($0, column)] }
        let mean = squares.reduce(0, +) / Double(shape.rows)
        columns[matrix * shape.columns + column] *= 1 - share
        columns[matrix * shape.columns + column] += share * mean
      }
      let own = rows[matrix * shape.rows..<(matrix + 1) * shape.rows]
      let mean = max(own.reduce(0, +) / Double(shape.rows), leastMean)
      for row in 0..<shape.rows {
        for column in 0..<shape.columns {
          let r = rows[matrix * shape.rows + row]
          let c = columns[matrix * shape.columns + column]
          quotients[place(row, column)] /= max(r * c / mean, least).squareRoot()
        }
      }
    }
    return quotients
  }
}
