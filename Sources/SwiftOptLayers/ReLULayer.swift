import SwiftOptMath

enum ReLULayer: ActivationLayer {
  typealias Function = ReLU
  static var name: StaticString { "relu" }
  static var backwardName: StaticString { "relu_backward" }
}
