import CSwiftOpt
import SwiftOptShims

/// One direction of a layer: a function from arrays to arrays.
protocol LayerFunction {
  /// Names the function, its arrays, its sizes and its settings.
  static func describe(_ description: LayerDescription)
  /// Tells from sizes and settings how many elements each array must have.
  static func plan(_ plan: LayerPlan)
  /// Computes it, and returns `ranWell`, or the number of an array of indices of which one is
  /// out of range, before anything is written.
  static func run<Element: LayerElement>(_ call: LayerCall<Element>) -> Int32
}
