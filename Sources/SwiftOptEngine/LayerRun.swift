import CSwiftOpt
import SwiftOptShims

extension so_layer_description {
  /// The description of layer function `index`, or nil if there is none.
  public static func at(_ index: Int32) -> so_layer_description? {
    var description = so_layer_description()
    // The same at every level.
    return Level.layers(0).describe?(index, &description) == 1 ? description : nil
  }
}

extension so_layer_call {
  /// Checks the call at `call`, and computes it if `runs`.
  public static func perform(
    _ call: UnsafePointer<so_layer_call>, runs: Bool, _ workspaceSize: inout Int64
  ) -> LayerProblem? {
    guard let level = Level.current else { return .level }
    let layers = Level.layers(level)
    var matrix = Level.matrixFunctions(level)
    var check = LayerCheck(call, layers)
    if let problem = check.problem(&matrix, &workspaceSize) { return problem }
    guard runs, let run = layers.run else { return nil }
    if call.pointee.workspace_size < workspaceSize
      || (workspaceSize > 0 && UInt(bitPattern: call.pointee.workspace) % 64 != 0)
      || (workspaceSize > 0 && call.pointee.workspace == nil)
    {
      return .workspace
    }
    let array = run(call, check.dtype, &matrix)
    guard array >= 0 else { return nil }
    return .index(so_layer_described_array(&check.description, Int64(array)).pointee.name)
  }
}
