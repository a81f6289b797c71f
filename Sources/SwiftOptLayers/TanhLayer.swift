import SwiftOptMath

enum TanhLayer: ActivationLayer {
  typealias Function = Tanh
  static var name: StaticString { "tanh" }
  static var backwardName: StaticString { "tanh_backward" }
}
