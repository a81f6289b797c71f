import CSwiftOpt
import SwiftOptShims

/// The sizes of a convolution: images, window and channels.
///
/// A convolution is a matrix product: as many rows as its output has places, with the patch of
/// the input that each place sees; and a column for each channel of the output. The patches of
/// some places at a time are gathered where they stay in the cache; with a kernel of one place
/// and without padding the images themselves are the rows.
struct Convolution {
  let window: Window
  let inChannels: Int
  let outChannels: Int
  let groups: Int

  static func describe(_ description: LayerDescription) {
    Window.describe(description, hasGroups: true)
  }

  @inline(__always)
  init(_ size: (Int) -> Int) {
    window = Window(kernel: 5, dilation: 12, size)
    inChannels = size(3)
    outChannels = size(4)
    groups = size(11)
  }

  /// The same, checked: nil after a fault.
  static func checked(_ plan: LayerPlan) -> Convolution? {
    plan.positive(11)
    guard Window.checked(plan, kernel: 5, dilation: 12) != nil else { return nil }
    let convolution = Convolution { plan.size($0) }
    if convolution.inChannels % convolution.groups != 0
      || convolution.outChannels % convolution.groups != 0
    {
      plan.fault(size: 11, "a divisor of in_channels and of out_channels")
    }
    // What is below has no more than these elements.
    _ = plan.product(convolution.window.places, convolution.inChannels, 4096)
    _ = plan.product(
      convolution.window.places, convolution.inChannels, convolution.outChannels, 64)
    return plan.hasFault ? nil : convolution
  }

  @inline(__always)
  var inGroup: Int { inChannels / groups }
  @inline(__always)
  var outGroup: Int { outChannels / groups }
  /// Elements of the input that one element of the output sees.
  @inline(__always)
  var depth: Int { window.places &* inGroup }
  @inline(__always)
  var inPixels: Int { window.batch &* window.inputPixels }
  @inline(__always)
  var outPixels: Int { window.batch &* window.outputPixels }

  /// Every place of the output sees one of the input, in the same order.
  @inline(__always)
  var isPointwise: Bool {
    window.places == 1 && groups == 1 && window.rows.stride == 1 && window.columns.stride == 1
      && window.rows.padding == 0 && window.columns.padding == 0
  }

  func countInput(_ plan: LayerPlan, _ array: Int) {
    plan.count(array, window.batch, window.rows.input, window.columns.input, inChannels)
  }

  func countOutput(_ plan: LayerPlan, _ array: Int) {
    plan.count(array, window.batch, window.rows.output, window.columns.output, outChannels)
  }

  func countWeight(_ plan: LayerPlan, _ array: Int) {
    plan.count(array, outChannels, window.places, inGroup)
  }
}

/// Places of a convolution that are worked on together, and how these blocks are shared out:
/// by the shape alone.
struct PatchBlocks {
  let pixels: Int
  let each: Int
  let shares: Shares

  /// `bytes` is what one place takes of the second cache, of which a block has half a mebibyte
  /// at most. A small image is still cut for several threads.
  init(pixels: Int, bytes: Int, most: Int = 32, budget: Int = 1 << 17) {
    self.pixels = pixels
    let fitting = budget / (bytes < 1 ? 1 : bytes) / 12 &* 12
    let even = roundedUp((pixels &- 1) / 16 &+ 1, to: 12)
    let most12 = fitting < 48 ? 48 : fitting > 1536 ? 1536 : fitting
    each = most12 < even ? most12 : even
    shares = Shares((pixels &- 1) / each &+ 1, most: most)
  }

  @inline(__always)
  func range(_ block: Int) -> Range<Int> {
    let begin = block &* each
    return begin..<(pixels &- begin < each ? pixels : begin &+ each)
  }

  /// The blocks' two sizes: what is left for the last one.
  var last: Int { pixels &- (pixels &- 1) / each &* each }
}

/// A product, still without its addresses: `any` stands for them.
@inline(__always)
func convolutionProduct(
  rows: Int, columns: Int, depth: Int, a: so_operand, b: so_operand,
  c: UnsafeMutableRawPointer, _ dtype: so_dtype, stride: Int
) -> so_product {
  so_product(
    rows: Int64(rows), columns: Int64(columns), depth: Int64(depth), a: a, b: b, c: c,
    c_stride: Int64(stride), c_dtype: Int32(dtype), activation: Int32(SO_ACTIVATION_NONE),
    mask_activation: Int32(SO_ACTIVATION_NONE), is_symmetric: 0,
    may_use_library: 0, reserved: 0, alpha: 1, beta: 0, bias: nil,
    residual: nil, residual_stride: 0, preactivation: nil, mask: nil, mask_stride: 0,
    column_sums: nil, column_square_sums: nil, workspace: nil)
}

@inline(__always)
func convolutionOperand(
  _ data: UnsafeRawPointer, _ dtype: so_dtype, stride: Int, isTransposed: Bool = false,
  isPacked: Bool = false
) -> so_operand {
  so_operand(
    data: data, stride: Int64(stride), dtype: Int32(dtype),
    is_transposed: isTransposed ? 1 : 0, is_packed: isPacked ? 1 : 0, reserved: 0)
}

extension so_matrix_functions {
  /// What a product needs, for the greater of two numbers of rows or, if it sums over the places,
  /// of depth.
  func workspaceBytes(_ product: so_product) -> Int {
    var product = product
    return roundedUp(Int(workspace_size?(&product) ?? 0), to: 64)
  }

  func packedBytes(_ product: so_product) -> Int {
    var product = product
    return roundedUp(Int(packed_size?(&product) ?? 0), to: 64)
  }

  func run(_ product: so_product) {
    var product = product
    multiply?(&product)
  }

  func pack(_ product: so_product, _ out: UnsafeMutableRawPointer) {
    var product = product
    pack?(&product, out)
  }
}

/// The dtype of an array of kind `.number` beside values of `dtype`.
func numberDtype(_ dtype: so_dtype) -> so_dtype {
  dtype == so_dtype(SO_FLOAT64) ? dtype : so_dtype(SO_FLOAT32)
}
