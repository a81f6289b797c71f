import CSwiftOpt
import TestSupport
import XCTest

/// The engine cuts tensors into tiles, shares them out over threads and copies numbers from
/// tensor to tensor. All of that must leave the bits of one kernel call on the whole tensor.
final class TileTests: XCTestCase {
  private var threads: Int32 = 0

  override func setUp() { threads = so_threads_get() }
  override func tearDown() { so_threads_set(threads) }

  /// Around the size of a tile; together more than the 32 768 below which a step is serial.
  private let counts = [1, 2047, 2048, 2049, 0, 4097, 5, 23_000, 3]

  func testTilesOfFloatsHaveTheBitsOfTheWhole() { hasBitsOfTheWhole(Float.self) }

  func testTilesOfDoublesHaveTheBitsOfTheWhole() { hasBitsOfTheWhole(Double.self) }

  private func hasBitsOfTheWhole<Scalar: TestScalar>(_ type: Scalar.Type) {
    so_threads_set(2)
    // A trust ratio is of a tensor, not of its elements.
    let elementwise = OptimizerEntry.all.filter { $0.description.kind == SO_ELEMENTWISE }
    for settings in elementwise.flatMap(\.variants) {
      let isDecoupled =
        settings.optimizer.description.decay == Int32(SO_DECAY_DECOUPLED)
      let plan = TestPlan(
        settings,
        counts.enumerated().map { index, count in
          TensorShape(
            count, dtype: Int(Scalar.dtype),
            // Other dtypes go through scratch memory, one tile at a time.
            gradientDtype: index % 3 == 0 ? SO_FLOAT32 : Int(Scalar.dtype), group: index % 2)
        }, groupCount: 2)
      // Coupled decay would be in the gradient; PipelineTests has that.
      plan.groups[1].lr = 0.02
      if isDecoupled { plan.groups[0].weight_decay = 0.1 }
      var states = counts.indices.map { index in
        RuleState(settings, parameter: plan.parameter(index).map { Scalar($0) })
      }
      plan.run(steps: 0)
      for number in 0..<4 {
        // A tensor that misses steps falls behind its neighbours in its scalars.
        let absent = number == 1 ? 5 : (number == 2 ? 0 : -1)
        let gradient = absent < 0 ? nil : plan.tensors[absent].gradient
        if absent >= 0 { plan.tensors[absent].gradient = nil }
        XCTAssertEqual(plan.step(), so_status(SO_OK), lastError)
        if absent >= 0 { plan.tensors[absent].gradient = gradient }
        for index in counts.indices where index != absent {
          let group = plan.groups[index % 2]
          let coefficients = states[index].begin(lr: group.lr)
          states[index].update(
            gradient: plan.gradient(index).map { Scalar($0) }, coefficients: coefficients,
            decay: isDecoupled ? group.lr * group.weight_decay : 0, level: .baseline, .end)
        }
      }
      for (index, state) in states.enumerated() {
        XCTAssertEqual(plan.scalars(index), state.scalars, "\(settings), tensor \(index)")
        XCTAssert(
          haveSameBits(plan.parameter(index), state.parameter.map { Double($0) }),
          "\(settings), \(type), tensor \(index)")
      }
    }
  }

  func testOneAndManyThreadsGiveTheSameBits() {
    let dtypes = [
      (SO_FLOAT32, SO_FLOAT32), (SO_FLOAT64, SO_FLOAT64), (SO_FLOAT32, SO_FLOAT64),
    ]
    let shapes = counts.enumerated().map { index, count in
      TensorShape(count, dtype: dtypes[index % 3].0, gradientDtype: dtypes[index % 3].1)
    }
    for optimizer in OptimizerEntry.all {
      var results: [(bytes: [UInt8], norm: Double, coefficient: Double)] = []
      for count: Int32 in [1, 2, 3, 7] {
        so_threads_set(count)
        XCTAssertEqual(so_threads_get(), count)
        let plan = TestPlan(optimizer.variants.last!, shapes)
        plan.plan.clip_norm = 2
        plan.groups[0].clip_tensor_norm = 1
        plan.groups[0].clip_value = 0.01
        plan.groups[0].weight_decay = 0.1
        plan.run(steps: 3)
        results.append((plan.writtenBytes, plan.report.grad_norm, plan.report.clip_coefficient))
      }
      for result in results.dropFirst() {
        XCTAssert(haveSameBits(result.bytes, results[0].bytes), optimizer.name)
        XCTAssertEqual(result.norm, results[0].norm, optimizer.name)
        XCTAssertEqual(result.coefficient, results[0].coefficient, optimizer.name)
      }
      XCTAssertLessThan(results[0].coefficient, 1, "the global limit had no part in this")
    }
  }
}
