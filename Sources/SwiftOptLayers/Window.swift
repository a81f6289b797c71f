import SwiftOptShims

/// The windows of a convolution or a pooling along one axis of an image: window `t` covers the
/// places t · stride - padding + k · dilation, of which those outside the image count as zero
/// or not at all.
struct WindowAxis {
  let input: Int
  let kernel: Int
  let stride: Int
  let padding: Int
  let dilation: Int

  /// From the first place of a window to its last.
  @inline(__always)
  var span: Int { dilation &* (kernel &- 1) &+ 1 }

  /// The number of windows.
  @inline(__always)
  var output: Int { (input &+ 2 &* padding &- span) / stride &+ 1 }
}

/// The windows of a batch of images, (batch, height, width, channels).
struct Window {
  let batch: Int
  let rows: WindowAxis
  let columns: WindowAxis

  @inline(__always)
  var inputPixels: Int { rows.input &* columns.input }
  @inline(__always)
  var outputPixels: Int { rows.output &* columns.output }
  @inline(__always)
  var places: Int { rows.kernel &* columns.kernel }

  /// Names the sizes: the image's, then what `channels` names, then the kernel's.
  static func describe(_ description: LayerDescription, hasGroups: Bool, isDilated: Bool = true) {
    description.size("batch")
    description.size("height")
    description.size("width")
    if hasGroups {
      description.size("in_channels")
      description.size("out_channels")
    } else {
      description.size("channels")
    }
    description.size("kernel_height")
    description.size("kernel_width")
    description.size("stride_height")
    description.size("stride_width")
    description.size("padding_height")
    description.size("padding_width")
    if hasGroups { description.size("groups") }
    if isDilated {
      description.size("dilation_height")
      description.size("dilation_width")
    }
  }

  /// From the sizes in that order, of which the kernel's begin at number `kernel`, and the
  /// dilation, if there is one, at `dilation`.
  @inline(__always)
  init(kernel: Int, dilation: Int?, _ size: (Int) -> Int) {
    batch = size(0)
    rows = WindowAxis(
      input: size(1), kernel: size(kernel), stride: size(kernel &+ 2),
      padding: size(kernel &+ 4), dilation: dilation.map { size($0) } ?? 1)
    columns = WindowAxis(
      input: size(2), kernel: size(kernel &+ 1), stride: size(kernel &+ 3),
      padding: size(kernel &+ 5), dilation: dilation.map { size($0 &+ 1) } ?? 1)
  }

  /// The same, checked: nil after a fault.
  static func checked(_ plan: LayerPlan, kernel: Int, dilation: Int?) -> Window? {
    for size in 0..<kernel { plan.positive(size) }
    for size in 0..<4 { plan.positive(kernel &+ size) }
    for size in 0..<6 { small(plan, kernel &+ size) }
    if let dilation {
      for size in dilation..<dilation &+ 2 {
        plan.positive(size)
        small(plan, size)
      }
    }
    guard !plan.hasFault else { return nil }
    let window = Window(kernel: kernel, dilation: dilation) { plan.size($0) }
    if window.rows.input &+ 2 &* window.rows.padding < window.rows.span {
      plan.fault(size: 1, "such that the padded image is at least as high as the kernel")
    }
    if window.columns.input &+ 2 &* window.columns.padding < window.columns.span {
      plan.fault(size: 2, "such that the padded image is at least as wide as the kernel")
    }
    return plan.hasFault ? nil : window
  }

  /// So that no sum or product of them overflows.
  private static func small(_ plan: LayerPlan, _ size: Int) {
    if plan.size(size) > 1 << 16 { plan.fault(size: size, "at most 65536") }
  }
}

extension LayerPlan {
  var hasFault: Bool { raw.pointee.fault != nil }
}
