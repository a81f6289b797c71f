import SwiftOptMath

enum SigmoidLayer: ActivationLayer {
  typealias Function = Sigmoid
  static var name: StaticString { "sigmoid" }
  static var backwardName: StaticString { "sigmoid_backward" }
}
