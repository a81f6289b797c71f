import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

/// The instruction levels by name, with their kernels.
public enum InstructionLevel: Int32, CaseIterable, Sendable {
  case baseline, avx2, avx512

  public var isSupported: Bool { rawValue <= so_level_highest() }

  public static var supported: [InstructionLevel] { allCases.filter(\.isSupported) }

  public var kernels: so_kernels {
    var table = so_kernels()
    switch self {
    case .baseline: so_kernels_baseline(&table)
    case .avx2: so_kernels_avx2(&table)
    case .avx512: so_kernels_avx512(&table)
    }
    return table
  }
}

/// `Float` or `Double`, with what the contract calls it.
public protocol TestScalar: RealScalar, SendableMetatype {
  static var dtype: so_dtype { get }
  static var precision: Precision { get }
}

extension Float: TestScalar {
  public static var dtype: so_dtype { so_dtype(SO_FLOAT32) }
  public static var precision: Precision { .float }
}

extension Double: TestScalar {
  public static var dtype: so_dtype { so_dtype(SO_FLOAT64) }
  public static var precision: Precision { .double }
}
