import CSwiftOpt
import SwiftOptMath
import SwiftOptShims

/// Applies an activation, one of `SO_ACTIVATION_...`, to `count` numbers.
func activate<Sum: SumScalar>(
  _ numbers: UnsafeMutablePointer<Sum>, _ count: Int, _ activation: Int32
) {
  switch Int(activation) {
  case SO_ACTIVATION_RELU: activate(ReLU.self, numbers, count)
  case SO_ACTIVATION_GELU: activate(GELU.self, numbers, count)
  case SO_ACTIVATION_SILU: activate(SiLU.self, numbers, count)
  case SO_ACTIVATION_TANH: activate(Tanh.self, numbers, count)
  case SO_ACTIVATION_SIGMOID: activate(Sigmoid.self, numbers, count)
  default: break
  }
}

/// Replaces what an activation saved by its derivative there. The one of ReLU is a choice
/// rather than a factor, and not here.
func differentiate<Sum: SumScalar>(
  _ saved: UnsafeMutablePointer<Sum>, _ count: Int, _ activation: Int32
) {
  switch Int(activation) {
  case SO_ACTIVATION_GELU: differentiate(GELU.self, saved, count)
  case SO_ACTIVATION_SILU: differentiate(SiLU.self, saved, count)
  case SO_ACTIVATION_TANH: differentiate(Tanh.self, saved, count)
  case SO_ACTIVATION_SIGMOID: differentiate(Sigmoid.self, saved, count)
  default: for index in 0..<count { saved[index] = 1 }
  }
}

@inline(__always)
private func activate<Function: Activation, Sum: SumScalar>(
  _ function: Function.Type, _ numbers: UnsafeMutablePointer<Sum>, _ count: Int
) {
  for index in 0..<count { numbers[index] = function.forward(numbers[index]) }
}

@inline(__always)
private func differentiate<Function: Activation, Sum: SumScalar>(
  _ function: Function.Type, _ saved: UnsafeMutablePointer<Sum>, _ count: Int
) {
  for index in 0..<count { saved[index] = function.derivative(saved[index]) }
}
