import SwiftOptMath

enum SiLULayer: ActivationLayer {
  typealias Function = SiLU
  static var name: StaticString { "silu" }
  static var backwardName: StaticString { "silu_backward" }
}
