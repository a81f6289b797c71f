import SwiftOptMath
import SwiftOptShims

/// What the values of a layer are stored in: `Float`, `Double` or `BFloat16`.
///
/// Arithmetic is in `Number`, which for `BFloat16` is `Float`: each value is widened when it
/// is read and rounded once when it is written.
protocol LayerElement: PairedElement where Number: LayerNumber {

  init(rounding number: Number)
  var number: Number { get }

  /// Sixteen neighbours.
  static func load16(_ source: UnsafePointer<Self>) -> SIMD16<Number>
  static func store16(_ numbers: SIMD16<Number>, _ target: UnsafeMutablePointer<Self>)
  /// The first `count` neighbours, at most 15, and `filler` in the lanes after them.
  static func loadFirst16(
    _ source: UnsafePointer<Self>, _ count: Int, filler: Number
  ) -> SIMD16<Number>
  static func storeFirst16(
    _ numbers: SIMD16<Number>, _ target: UnsafeMutablePointer<Self>, _ count: Int)
  /// Of thirty-two elements times a number, 0 where the random number is below the threshold.
  static func drop32(
    _ x: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>, _ random: UnsafePointer<UInt16>,
    _ threshold: UInt32, _ scale: Number)
  /// What `store16` and `load16` would make of them.
  static func rounded16(_ numbers: SIMD16<Number>) -> SIMD16<Number>
}

/// What layers compute in.
protocol LayerNumber: ElementaryNumber, SIMDScalar, LayerElement where Number == Self {
  init(_ value: Double)

  static func root16(_ numbers: SIMD16<Self>) -> SIMD16<Self>
  /// The greater of two in each lane; that of the second where either is not a number.
  static func maximum16(_ first: SIMD16<Self>, _ second: SIMD16<Self>) -> SIMD16<Self>
  /// What `+` gives. The operators of SIMD16 are lane-wise, and where there are many of them
  /// the compiler pairs lanes of different vectors; these stay vectors.
  static func add16(_ first: SIMD16<Self>, _ second: SIMD16<Self>) -> SIMD16<Self>
  /// What `*` gives.
  static func multiply16(_ first: SIMD16<Self>, _ second: SIMD16<Self>) -> SIMD16<Self>
  /// first · second + third, rounded twice.
  static func multiplyAdd16(
    _ first: SIMD16<Self>, _ second: SIMD16<Self>, _ third: SIMD16<Self>
  ) -> SIMD16<Self>
  /// The same, rounded once where the level has an instruction for it: for convolutions, which
  /// are matrix products. Only what the build allows it to may use it.
  static func fused16(
    _ first: SIMD16<Self>, _ second: SIMD16<Self>, _ third: SIMD16<Self>
  ) -> SIMD16<Self>
  static func sum16(_ numbers: SIMD16<Self>) -> Self
  /// The greatest of all lanes; any of them if one is not a number.
  static func greatest16(_ numbers: SIMD16<Self>) -> Self
  /// e^x for x of no more than 88, within 1 ULP; 0 where that is below 2^-125.
  static func fastExponential(_ x: Self) -> Self
  static func divide16(_ numbers: SIMD16<Self>, _ divisor: Self) -> SIMD16<Self>
  /// `first` where it is greater than `second` or not a number, else `second`.
  static func greatest16(_ first: SIMD16<Self>, _ second: SIMD16<Self>) -> SIMD16<Self>
  /// `there` in the lanes in which `greatest16` takes `first`, else `here`.
  static func choose16(
    _ first: SIMD16<Self>, over second: SIMD16<Self>, _ there: SIMD16<Int32>,
    _ here: SIMD16<Int32>
  ) -> SIMD16<Int32>
  /// The numbers of the lanes that are at `place`, else 0.
  static func where16(
    _ lanes: SIMD16<Int32>, equal place: Int32, _ numbers: SIMD16<Self>
  ) -> SIMD16<Self>
  /// From float64, rounded.
  static func narrowed16(_ numbers: SIMD16<Double>) -> SIMD16<Self>
  /// In float64, exact.
  static func widened16(_ numbers: SIMD16<Self>) -> SIMD16<Double>
  /// The gradient where the output of a ReLU is not 0, else 0.
  static func reluGradient16(_ gradient: SIMD16<Self>, _ output: SIMD16<Self>) -> SIMD16<Self>
  /// 0 where the random number is below the threshold, else the number.
  static func kept16(
    _ numbers: SIMD16<Self>, _ random: UnsafePointer<UInt16>, _ threshold: UInt32
  ) -> SIMD16<Self>
}

extension Float: LayerNumber {
  @inline(__always) init(rounding number: Float) { self = number }
  @inline(__always) var number: Float { self }

  @inline(__always)
  static func load16(_ source: UnsafePointer<Float>) -> SIMD16<Float> { so_load_float16(source) }
  @inline(__always)
  static func store16(_ numbers: SIMD16<Float>, _ target: UnsafeMutablePointer<Float>) {
    so_store_float16(numbers, target)
  }
  @inline(__always)
  static func rounded16(_ numbers: SIMD16<Float>) -> SIMD16<Float> { numbers }
  @inline(__always)
  static func sum16(_ numbers: SIMD16<Float>) -> Float { so_sum_lanes_float16(numbers) }
  @inline(__always)
  static func root16(_ numbers: SIMD16<Float>) -> SIMD16<Float> { so_root_float16(numbers) }
  @inline(__always)
  static func maximum16(_ first: SIMD16<Float>, _ second: SIMD16<Float>) -> SIMD16<Float> {
    so_maximum_float16(first, second)
  }
  @inline(__always)
  static func add16(_ first: SIMD16<Float>, _ second: SIMD16<Float>) -> SIMD16<Float> {
    so_add_float16(first, second)
  }
  @inline(__always)
  static func multiply16(_ first: SIMD16<Float>, _ second: SIMD16<Float>) -> SIMD16<Float> {
    so_multiply_float16(first, second)
  }
  @inline(__always)
  static func multiplyAdd16(
    _ first: SIMD16<Float>, _ second: SIMD16<Float>, _ third: SIMD16<Float>
  ) -> SIMD16<Float> {
    so_multiply_add_float16(first, second, third)
  }
  @inline(__always)
  static func fused16(
    _ first: SIMD16<Float>, _ second: SIMD16<Float>, _ third: SIMD16<Float>
  ) -> SIMD16<Float> {
    so_fuse_float16(first, second, third)
  }
  @inline(__always)
  static func divide16(_ numbers: SIMD16<Float>, _ divisor: Float) -> SIMD16<Float> {
    so_divide_float16(numbers, divisor)
  }
  @inline(__always)
  static func greatest16(_ first: SIMD16<Float>, _ second: SIMD16<Float>) -> SIMD16<Float> {
    so_greatest_float16(first, second)
  }
  @inline(__always)
  static func choose16(
    _ first: SIMD16<Float>, over second: SIMD16<Float>, _ there: SIMD16<Int32>,
    _ here: SIMD16<Int32>
  ) -> SIMD16<Int32> {
    so_choose_float16(first, second, there, here)
  }
  @inline(__always)
  static func where16(
    _ lanes: SIMD16<Int32>, equal place: Int32, _ numbers: SIMD16<Float>
  ) -> SIMD16<Float> {
    so_where_float16(lanes, place, numbers)
  }
  @inline(__always)
  static func narrowed16(_ numbers: SIMD16<Double>) -> SIMD16<Float> {
    so_narrow_double16(numbers)
  }
  @inline(__always)
  static func widened16(_ numbers: SIMD16<Float>) -> SIMD16<Double> { so_widen_float16(numbers) }
  @inline(__always)
  static func reluGradient16(
    _ gradient: SIMD16<Float>, _ output: SIMD16<Float>
  ) -> SIMD16<Float> {
    so_relu_gradient_float16(gradient, output)
  }
  @inline(__always)
  static func kept16(
    _ numbers: SIMD16<Float>, _ random: UnsafePointer<UInt16>, _ threshold: UInt32
  ) -> SIMD16<Float> {
    so_kept_float16(numbers, random, threshold)
  }
}

extension Double: LayerNumber {
  @inline(__always) init(rounding number: Double) { self = number }
  @inline(__always) var number: Double { self }

  @inline(__always)
  static func load16(_ source: UnsafePointer<Double>) -> SIMD16<Double> {
    so_load_double16(source)
  }
  @inline(__always)
  static func store16(_ numbers: SIMD16<Double>, _ target: UnsafeMutablePointer<Double>) {
    so_store_double16(numbers, target)
  }
  @inline(__always)
  static func rounded16(_ numbers: SIMD16<Double>) -> SIMD16<Double> { numbers }
  @inline(__always)
  static func sum16(_ numbers: SIMD16<Double>) -> Double { so_sum_lanes_double16(numbers) }
  @inline(__always)
  static func root16(_ numbers: SIMD16<Double>) -> SIMD16<Double> { so_root_double16(numbers) }
  @inline(__always)
  static func maximum16(_ first: SIMD16<Double>, _ second: SIMD16<Double>) -> SIMD16<Double> {
    so_maximum_double16(first, second)
  }
  @inline(__always)
  static func add16(_ first: SIMD16<Double>, _ second: SIMD16<Double>) -> SIMD16<Double> {
    so_add_double16(first, second)
  }
  @inline(__always)
  static func multiply16(_ first: SIMD16<Double>, _ second: SIMD16<Double>) -> SIMD16<Double> {
    so_multiply_double16(first, second)
  }
  @inline(__always)
  static func multiplyAdd16(
    _ first: SIMD16<Double>, _ second: SIMD16<Double>, _ third: SIMD16<Double>
  ) -> SIMD16<Double> {
    so_multiply_add_double16(first, second, third)
  }
  @inline(__always)
  static func fused16(
    _ first: SIMD16<Double>, _ second: SIMD16<Double>, _ third: SIMD16<Double>
  ) -> SIMD16<Double> {
    so_fuse_double16(first, second, third)
  }
  @inline(__always)
  static func divide16(_ numbers: SIMD16<Double>, _ divisor: Double) -> SIMD16<Double> {
    so_divide_double16(numbers, divisor)
  }
  @inline(__always)
  static func greatest16(_ first: SIMD16<Double>, _ second: SIMD16<Double>) -> SIMD16<Double> {
    so_greatest_double16(first, second)
  }
  @inline(__always)
  static func choose16(
    _ first: SIMD16<Double>, over second: SIMD16<Double>, _ there: SIMD16<Int32>,
    _ here: SIMD16<Int32>
  ) -> SIMD16<Int32> {
    so_choose_double16(first, second, there, here)
  }
  @inline(__always)
  static func where16(
    _ lanes: SIMD16<Int32>, equal place: Int32, _ numbers: SIMD16<Double>
  ) -> SIMD16<Double> {
    so_where_double16(lanes, place, numbers)
  }
  @inline(__always)
  static func narrowed16(_ numbers: SIMD16<Double>) -> SIMD16<Double> {
    numbers
  }
  @inline(__always)
  static func widened16(_ numbers: SIMD16<Double>) -> SIMD16<Double> { numbers }
  @inline(__always)
  static func reluGradient16(
    _ gradient: SIMD16<Double>, _ output: SIMD16<Double>
  ) -> SIMD16<Double> {
    so_relu_gradient_double16(gradient, output)
  }
  @inline(__always)
  static func kept16(
    _ numbers: SIMD16<Double>, _ random: UnsafePointer<UInt16>, _ threshold: UInt32
  ) -> SIMD16<Double> {
    so_kept_double16(numbers, random, threshold)
  }
}

/// The upper half of a `Float`.
struct BFloat16: LayerElement {
  var bits: UInt16

  @inline(__always) init(rounding number: Float) { bits = bfloat16Nearest(number) }
  @inline(__always) var number: Float { floatFromBfloat16(bits) }

  @inline(__always)
  static func load16(_ source: UnsafePointer<BFloat16>) -> SIMD16<Float> {
    so_load_bfloat16(UnsafeRawPointer(source).assumingMemoryBound(to: UInt16.self))
  }
  @inline(__always)
  static func store16(_ numbers: SIMD16<Float>, _ target: UnsafeMutablePointer<BFloat16>) {
    so_store_bfloat16(
      numbers, UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt16.self))
  }
  @inline(__always)
  static func rounded16(_ numbers: SIMD16<Float>) -> SIMD16<Float> { so_round_bfloat16(numbers) }
}

extension SIMD16 where Scalar: LayerNumber {
  /// The sum of all lanes as a tree of fixed shape, so that its bits are the same at every
  /// level.
  @inline(__always)
  var treeSum: Scalar { Scalar.sum16(self) }
}
