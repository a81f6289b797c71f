// swift-tools-version: 6.2
import PackageDescription

// The shipped extension is built as Embedded Swift (no Swift runtime); tests and
// sanitizers use the same sources in normal mode.
let isEmbedded = Context.environment["SWIFTOPT_EMBEDDED"] == "1"

// Without -fno-math-errno a square root is a compare, an instruction and a libm
// call, and no loop with one vectorises.
let settings: [SwiftSetting] =
  [.unsafeFlags(["-Xcc", "-fno-math-errno"])]
  + (isEmbedded
    ? [
      .enableExperimentalFeature("Embedded"),
      .unsafeFlags(["-wmo", "-Xfrontend", "-function-sections"]),
    ]
    : [])

/// One instruction level: a folder of links to the sources of SwiftOptKernels,
/// compiled for one processor generation.
func level(_ name: String, define: String, flags: [String] = []) -> Target {
  .target(
    name: name,
    dependencies: ["CSwiftOpt", "SwiftOptShims", "SwiftOptOptimizers"],
    swiftSettings: settings + [.define(define), .unsafeFlags(flags)]
  )
}

let package = Package(
  name: "swiftopt",
  products: [
    .library(name: "SwiftOpt", type: .static, targets: ["SwiftOptABI"])
  ],
  targets: [
    .target(name: "CSwiftOpt"),
    .target(
      name: "SwiftOptShims",
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
    level("SwiftOptKernels", define: "SWIFTOPT_BASELINE"),
    level(
      "SwiftOptKernelsAVX2",
      define: "SWIFTOPT_AVX2",
      flags: ["-Xcc", "-march=x86-64-v3"]
    ),
    level(
      "SwiftOptKernelsAVX512",
      define: "SWIFTOPT_AVX512",
      flags: ["-Xcc", "-march=x86-64-v4", "-Xcc", "-mprefer-vector-width=512"]
    ),
    .target(
      name: "SwiftOptEngine",
      dependencies: [
        "CSwiftOpt", "SwiftOptShims", "SwiftOptOptimizers",
        "SwiftOptKernels", "SwiftOptKernelsAVX2", "SwiftOptKernelsAVX512",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "SwiftOptABI",
      dependencies: [
        "CSwiftOpt", "SwiftOptShims", "SwiftOptOptimizers", "SwiftOptSchedules",
        "SwiftOptEngine",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "TestSupport",
      dependencies: [
        "CSwiftOpt", "SwiftOptShims", "SwiftOptOptimizers",
        "SwiftOptKernels", "SwiftOptKernelsAVX2", "SwiftOptKernelsAVX512",
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
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
