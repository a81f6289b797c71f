import SwiftOptShims

/// The instruction levels of matrix products, by name.
public enum ProductLevel: CaseIterable, Sendable {
  case baseline, avx2, avx512, avx512BFloat16

  public var isSupported: Bool {
    switch self {
    case .baseline: true
    case .avx2: so_level_highest() >= 1
    case .avx512: so_level_highest() >= 2
    case .avx512BFloat16: so_level_has_bfloat16_dot() != 0
    }
  }

  public static var supported: [ProductLevel] { allCases.filter(\.isSupported) }

  public var functions: so_matrix_functions {
    var table = so_matrix_functions()
    switch self {
    case .baseline: so_matrix_baseline(&table)
    case .avx2: so_matrix_avx2(&table)
    case .avx512: so_matrix_avx512(&table)
    case .avx512BFloat16: so_matrix_avx512bf16(&table)
    }
    return table
  }
}
