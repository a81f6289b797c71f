import CSwiftOpt
import SwiftOptShims
import TestSupport
import XCTest

/// What a gradient goes through before a rule.
struct Preparation {
  var scale = 1.0
  var limit = Double.infinity
  var l1 = 0.0
  var penalty = 0.0
  /// Each for a third of the elements, rounded up; none if empty.
  var unitScales: [Double] = []

  private func unitLength(_ size: Int) -> Int { max(1, (size + 2) / 3) }

  func expected(
    _ gradient: Double, _ parameter: Double, _ index: Int, _ size: Int, _ precision: Precision
  ) -> Bounded {
    let unit = unitScales.isEmpty ? 1 : unitScales[index / unitLength(size)]
    let p = Bounded(exactly: parameter, precision)
    var expected = ((scale * unit) * Bounded(exactly: gradient, precision)).limited(to: limit)
    if l1 != 0 { expected = expected + l1 * p.sign }
    if penalty != 0 { expected = expected + penalty * p }
    return expected
  }

  /// The gradient as it reaches the rule. At its first step, with a momentum that has nothing
  /// to remember, gradient descent keeps it as it is: -0 and 1 change no bit.
  func run<Scalar: TestScalar>(
    _ gradient: [Double], _ dtype: Int, _ parameter: [Scalar], _ level: InstructionLevel,
    _ placement: Placement, takesSteps: Bool = false
  ) -> [Scalar] {
    let settings = Settings(.named("sgd")).with("momentum", 0.5)
    var state = RuleState<Scalar>(settings, parameter: parameter)
    let gradients = GuardedNumbers(gradient, dtype, placement)
    let parameters = GuardedBuffer(parameter, placement)
    let seen = GuardedBuffer<Scalar>(repeating: -0.0, count: gradient.count, placement)
    let before = gradients.values
    var sums = so_tile_sums()
    withUpdate(optimizer: settings.optimizer.id, dtype: Scalar.dtype, state.begin(lr: 0.5)) {
      run in
      run.count = Int64(gradient.count)
      (run.parameter, run.gradient) = (parameters.raw, UnsafeRawPointer(gradients.raw))
      run.gradient_dtype = gradients.dtype
      run.setSlot(0, seen.raw, Scalar.dtype)
      (run.scale, run.clip_value) = (scale, limit)
      (run.l1_penalty, run.penalty) = (l1, penalty)
      run.unit_length = Int64(unitLength(gradient.count))
      run.measures = takesSteps ? 1 : 0
      withUnsafeMutablePointer(to: &sums) { sums in
        unitScales.withUnsafeBufferPointer { unitScales in
          run.sums = takesSteps ? sums : nil
          run.unit_scales = unitScales.isEmpty ? nil : unitScales.baseAddress
          level.kernels.update!(&run)
        }
      }
    }
    XCTAssert(haveSameBits(gradients.values, before), "a kernel changed a gradient")
    return seen.elements
  }
}
