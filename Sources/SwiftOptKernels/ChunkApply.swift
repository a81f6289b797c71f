import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// From the rule's steps to a new parameter, where the steps are apart from it.
extension Chunk {
  /// A trial's sums: of the squares of steps and parameter, and how many steps agree in
  /// sign with the gradient.
  func measure(
    _ steps: UnsafePointer<Scalar>, _ parameter: UnsafePointer<Scalar>,
    _ gradient: UnsafePointer<Scalar>, _ sums: inout so_tile_sums
  ) {
    sums.steps += sumOfSquares(steps, count)
    sums.parameters += sumOfSquares(parameter, count)
    guard update.pointee.cautious != 0 else { return }
    let sign = gradientSign
    var agreeing: Int32 = 0
    for index in 0..<count {
      agreeing &+= agrees(steps[index], sign * gradient[index]) ? 1 : 0
    }
    sums.agreeing += Double(agreeing)
  }

  /// Turns the rule's steps into what is subtracted.
  func complete(
    _ steps: UnsafeMutablePointer<Scalar>, _ parameter: UnsafePointer<Scalar>,
    _ gradient: UnsafePointer<Scalar>
  ) {
    if update.pointee.cautious != 0 {
      // Steps against the gradient are left out (Liang et al. 2024, "Cautious optimizers",
      // algorithm 1); the factor that makes up for them is in the scale.
      let sign = gradientSign
      for index in 0..<count {
        let step = steps[index]
        // A step that is not a number stays so, or nobody could see what went wrong.
        let rest = step == step ? 0 : step
        steps[index] = agrees(step, sign * gradient[index]) ? step : rest
      }
    }
    if update.pointee.step_scale != 1 {
      let scale = Scalar(update.pointee.step_scale)
      for index in 0..<count {
        steps[index] = scale * steps[index]
      }
    }
    if update.pointee.decay != 0 {
      let decay = Scalar(update.pointee.decay)
      for index in 0..<count {
        steps[index] = steps[index] + decay * parameter[index]
      }
    }
  }

  func subtract(_ steps: UnsafePointer<Scalar>, _ parameter: UnsafeMutablePointer<Scalar>) {
    for index in 0..<count {
      parameter[index] = parameter[index] - steps[index]
    }
  }

  /// Kahan's summation: what the parameter's dtype loses of a step is kept, in the same
  /// dtype, and added to the next one.
  func compensate(_ parameter: UnsafeMutablePointer<Scalar>, _ steps: UnsafePointer<Scalar>) {
    guard let base = update.pointee.compensation else { return }
    let storedCompensation = stored(base, update.pointee.parameter_dtype)
    let storedParameter = stored(update.pointee.parameter, update.pointee.parameter_dtype)
    let compensation = scratch(.compensation)
    decode(storedCompensation, into: compensation)
    // The steps are not needed any more; their place holds the sums.
    let sums = scratch(.steps)
    for index in 0..<count {
      compensation[index] = compensation[index] - steps[index]
      sums[index] = parameter[index] + compensation[index]
    }
    encode(UnsafePointer(sums), into: storedParameter)
    decode(storedParameter, into: sums)
    for index in 0..<count {
      compensation[index] = compensation[index] + (parameter[index] - sums[index])
      parameter[index] = sums[index]
    }
    encode(UnsafePointer(compensation), into: storedCompensation)
  }

  /// The gradient's sign that is not in its numbers yet.
  private var gradientSign: Scalar {
    !pipeline.preparesGradient && update.pointee.scale < 0 ? -1 : 1
  }

  @inline(__always)
  private func agrees(_ step: Scalar, _ gradient: Scalar) -> Bool {
    // Not the sign of the product, which can be 0 for two small numbers.
    (step > 0 && gradient > 0) || (step < 0 && gradient < 0)
  }
}
