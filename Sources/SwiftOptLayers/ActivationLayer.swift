import CSwiftOpt
import SwiftOptMath
import SwiftOptShims

/// An activation as a layer of its own; the functions of both directions follow from it.
protocol ActivationLayer {
  associatedtype Function: Activation
  static var name: StaticString { get }
  static var backwardName: StaticString { get }
}

/// y = f(x) for each element.
enum ActivationForward<Layer: ActivationLayer>: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name(Layer.name)
    description.describeActivation()
  }

  static func plan(_ plan: LayerPlan) { plan.activation() }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    call.apply(Layer.Function.self)
  }
}

/// dx = f'(x) dy for each element.
enum ActivationBackward<Layer: ActivationLayer>: LayerFunction {
  static func describe(_ description: LayerDescription) {
    description.name(Layer.backwardName)
    description.describeActivationGradient(savesOutput: Layer.Function.savesOutput)
  }

  static func plan(_ plan: LayerPlan) { plan.activationGradient() }

  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32 {
    call.applyGradient(Layer.Function.self)
  }
}

extension LayerDescription {
  func describeActivation() {
    input("x")
    output("y", mayBe: 0)
    size("count")
  }

  func describeActivationGradient(savesOutput: Bool) {
    input("dy")
    input(savesOutput ? "y" : "x")
    output("dx", mayBe: 0)
    size("count")
  }
}

extension LayerPlan {
  func activation() {
    count(0, size(0))
    count(1, size(0))
  }

  func activationGradient() {
    activation()
    count(2, size(0))
  }
}

/// Elements of an array that a thread takes at a time.
private let grain = 8192

extension LayerCall {
  @inline(__always)
  func apply<Function: Activation>(_ function: Function.Type) -> Int32 {
    let (x, y) = (values(0), values(1))
    parallelFor(size(0), grain: grain) { begin, end, _ in
      // Only if they are one pointer can a loop in place be vectorised.
      if x == y {
        for index in begin..<end {
          y[index] = Element(rounding: Function.forward(y[index].number))
        }
      } else {
        for index in begin..<end {
          y[index] = Element(rounding: Function.forward(x[index].number))
        }
      }
    }
    return ranWell
  }

  @inline(__always)
  func applyGradient<Function: Activation>(_ function: Function.Type) -> Int32 {
    let (dy, saved, dx) = (values(0), values(1), values(2))
    parallelFor(size(0), grain: grain) { begin, end, _ in
      if dy == dx {
        for index in begin..<end {
          let gradient = Function.backward(dx[index].number, saved[index].number)
          dx[index] = Element(rounding: gradient)
        }
      } else {
        for index in begin..<end {
          let gradient = Function.backward(dy[index].number, saved[index].number)
          dx[index] = Element(rounding: gradient)
        }
      }
    }
    return ranWell
  }
}
