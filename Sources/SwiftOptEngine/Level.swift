import SwiftOptShims

/// The instruction level in use, and the kernels of a level.
public enum Level {
  /// Why a level can't be had.
  public enum Failure {
    case unknown
    case unsupported
  }

  public static func isSupported(_ index: Int32) -> Bool {
    index >= 0 && index <= so_level_highest()
  }

  /// Chooses the level with this name, or the default one for nil: what the
  /// environment names, else the highest that this machine has.
  public static func select(_ name: UnsafePointer<CChar>?) -> Failure? {
    guard let wanted = name ?? so_level_from_environment() else {
      so_level_store(so_level_highest())
      return nil
    }
    let index = so_level_find(wanted)
    guard index >= 0 else { return .unknown }
    guard isSupported(index) else { return .unsupported }
    so_level_store(index)
    return nil
  }

  /// The level in use; nil when the environment names one that can't be had.
  public static var current: Int32? {
    let stored = so_level_stored()
    if stored >= 0 { return stored }
    return select(nil) == nil ? so_level_stored() : nil
  }

  /// The kernels of level `index`. Filling three pointers anew is cheaper than any
  /// way of sharing a table between threads.
  static func kernels(_ index: Int32) -> so_kernels {
    var table = so_kernels()
    switch index {
    case 2: so_kernels_avx512(&table)
    case 1: so_kernels_avx2(&table)
    default: so_kernels_baseline(&table)
    }
    return table
  }

  /// The layer functions of level `index`.
  static func layers(_ index: Int32) -> so_layers {
    var table = so_layers()
    switch index {
    case 2: so_layers_avx512(&table)
    case 1: so_layers_avx2(&table)
    default: so_layers_baseline(&table)
    }
    return table
  }

  /// The matrix products of level `index`: at the highest one, on processors that have it,
  /// with the bfloat16 dot product.
  public static func matrixFunctions(_ index: Int32) -> so_matrix_functions {
    var table = so_matrix_functions()
    switch index {
    case 2 where so_level_has_bfloat16_dot() != 0: so_matrix_avx512bf16(&table)
    case 2: so_matrix_avx512(&table)
    case 1: so_matrix_avx2(&table)
    default: so_matrix_baseline(&table)
    }
    return table
  }
}
