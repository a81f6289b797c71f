// swift-tools-version: 6.2
import PackageDescription

// The shipped extension is built as Embedded Swift (no Swift runtime); tests and
// sanitizers use the same sources in normal mode.
let isEmbedded = Context.environment["SWIFTOPT_EMBEDDED"] == "1"

// Without -fno-math-errno a square root is a compare, an instruction and a libm
// call, and no loop with one vectorises. Loops of a length that isn't known are not unrolled:
// that made the extension an eighth larger, and nothing faster.
let settings: [SwiftSetting] =
  [.unsafeFlags(["-Xcc", "-fno-math-errno", "-Xllvm", "-unroll-runtime=false"])]
  + (isEmbedded
    ? [
      .enableExperimentalFeature("Embedded"),
      .unsafeFlags(["-wmo", "-Xfrontend", "-function-sections"]),
    ]
    : [])

/// One instruction level of kernels, layers or matrix products: a folder of links to the
/// sources of the baseline's, compiled for one processor generation.
func level(_ name: String, define: String, flags: [String] = []) -> Target {
  .target(
    name: name,
    dependencies: ["CSwiftOpt", "SwiftOptShims", "SwiftOptMath", "SwiftOptOptimizers"],
    swiftSettings: settings + [.define(define), .unsafeFlags(flags)]
  )
}

/// The same of SwiftOptMatrix.
func matrixLevel(_ name: String, define: String, flags: [String] = []) -> Target {
  .target(
    name: name,
    dependencies: ["CSwiftOpt", "SwiftOptShims", "SwiftOptMath"],
    swiftSettings: settings + [.define(define), .unsafeFlags(flags)]
  )
}

let avx2 = ["-Xcc", "-march=x86-64-v3"]
let avx512 = ["-Xcc", "-march=x86-64-v4", "-Xcc", "-mprefer-vector-width=512"]

let package = Package(
  name: "swiftopt",
  products: [
    .library(name: "SwiftOpt", type: .static, targets: ["SwiftOptABI"])
  ],
  targets: [
    .target(name: "CSwiftOpt"),
    .target(
      name: "SwiftOptShims",
      dependencies: ["CSwiftOpt"],
      cSettings: isEmbedded ? [.define("SWIFTOPT_OLD_GLIBC")] : []),
    .target(name: "SwiftOptMath", swiftSettings: settings),
    .target(
      name: "SwiftOptOptimizers",
      dependencies: ["CSwiftOpt", "SwiftOptMath"],
      swiftSettings: settings
    ),
    .target(
      name: "SwiftOptSchedules",
      dependencies: ["CSwiftOpt", "SwiftOptMath"],
      swiftSettings: settings
    ),
    .target(
      name: "SwiftOptData",
      dependencies: ["CSwiftOpt", "SwiftOptShims", "SwiftOptMath"],
      swiftSettings: settings + [.define("SWIFTOPT_BASELINE")]
    ),
    level("SwiftOptKernels", define: "SWIFTOPT_BASELINE"),
    level(
      "SwiftOptKernelsAVX2",
      define: "SWIFTOPT_AVX2",
      flags: avx2
    ),
    level(
      "SwiftOptKernelsAVX512",
      define: "SWIFTOPT_AVX512",
      flags: avx512
    ),
    matrixLevel("SwiftOptMatrix", define: "SWIFTOPT_BASELINE"),
    matrixLevel("SwiftOptMatrixAVX2", define: "SWIFTOPT_AVX2", flags: avx2),
    matrixLevel("SwiftOptMatrixAVX512", define: "SWIFTOPT_AVX512", flags: avx512),
    matrixLevel(
      "SwiftOptMatrixAVX512BF16",
      define: "SWIFTOPT_AVX512BF16",
      flags: avx512 + ["-Xcc", "-mavx512bf16"]
    ),
    // For processors before 2013: there size counts more than speed.
    level("SwiftOptLayers", define: "SWIFTOPT_BASELINE", flags: ["-Osize"]),
    level("SwiftOptLayersAVX2", define: "SWIFTOPT_AVX2", flags: avx2),
    level("SwiftOptLayersAVX512", define: "SWIFTOPT_AVX512", flags: avx512),
    .target(
      name: "SwiftOptEngine",
      dependencies: [
        "CSwiftOpt", "SwiftOptShims", "SwiftOptOptimizers",
        "SwiftOptKernels", "SwiftOptKernelsAVX2", "SwiftOptKernelsAVX512",
        "SwiftOptLayers", "SwiftOptLayersAVX2", "SwiftOptLayersAVX512",
        "SwiftOptMatrix", "SwiftOptMatrixAVX2", "SwiftOptMatrixAVX512",
        "SwiftOptMatrixAVX512BF16",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "SwiftOptABI",
      dependencies: [
        "CSwiftOpt", "SwiftOptShims", "SwiftOptOptimizers", "SwiftOptSchedules",
        "SwiftOptData", "SwiftOptEngine",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "TestSupport",
      dependencies: [
        "CSwiftOpt", "SwiftOptShims", "SwiftOptOptimizers",
        "SwiftOptKernels", "SwiftOptKernelsAVX2", "SwiftOptKernelsAVX512",
        "SwiftOptMatrix", "SwiftOptMatrixAVX2", "SwiftOptMatrixAVX512",
        "SwiftOptMatrixAVX512BF16",
      ],
      path: "Tests/TestSupport",
      swiftSettings: settings
    ),
    .testTarget(
      name: "SwiftOptKernelsTests",
      dependencies: ["TestSupport", "CSwiftOpt", "SwiftOptShims", "SwiftOptOptimizers"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "SwiftOptMatrixTests",
      dependencies: ["TestSupport", "CSwiftOpt", "SwiftOptShims"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "SwiftOptEngineTests",
      dependencies: [
        "TestSupport", "CSwiftOpt", "SwiftOptShims", "SwiftOptOptimizers", "SwiftOptEngine",
        "SwiftOptABI",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "SwiftOptSchedulesTests",
      dependencies: ["CSwiftOpt", "SwiftOptSchedules", "SwiftOptABI"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "SwiftOptDataTests",
      dependencies: ["TestSupport", "CSwiftOpt", "SwiftOptShims", "SwiftOptData", "SwiftOptABI"],
      swiftSettings: settings
    ),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
