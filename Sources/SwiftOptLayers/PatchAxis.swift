/// Which places of the source the product that a convolution is takes for one axis of its
/// output: for place `t` and tap `i` place t · step + base + i · apart, or zero if that is
/// outside.
struct PatchAxis {
  let source: Int
  let target: Int
  let step: Int
  let taps: Int
  let base: Int
  let apart: Int
  /// Tap `i` is the kernel's place firstTap + i · tapStep.
  let firstTap: Int
  let tapStep: Int

  @inline(__always)
  init(forward axis: WindowAxis) {
    source = axis.input
    target = axis.output
    step = axis.stride
    taps = axis.kernel
    base = -axis.padding
    apart = axis.dilation
    firstTap = 0
    tapStep = 1
  }

  /// The gradient of the input at the places that tap `first`, one of `phaseTaps`, reaches: only
  /// every so many taps reach them, and these see the output's gradient as a convolution with
  /// stride 1 does. Taps go down, so that places go up.
  init(backward axis: WindowAxis, tap first: Int) {
    let phase = axis.phase(ofTap: first)
    source = axis.output
    target = phase < axis.input ? (axis.input &- phase &- 1) / axis.stride &+ 1 : 0
    step = 1
    let period = axis.period
    taps = (axis.kernel &- 1 &- first) / period &+ 1
    firstTap = first &+ (taps &- 1) &* period
    tapStep = -period
    base = (phase &+ axis.padding &- firstTap &* axis.dilation) / axis.stride
    apart = period &* axis.dilation / axis.stride
  }

  /// The taps of place `t` that are inside the source, if neighbouring taps take neighbours.
  @inline(__always)
  func inside(_ t: Int) -> Range<Int> {
    let first = t &* step &+ base
    let begin = first < 0 ? (-first < taps ? -first : taps) : 0
    let end = source &- first < taps ? source &- first : taps
    return end > begin ? begin..<end : begin..<begin
  }
}

extension WindowAxis {
  /// Taps that are so far apart reach the same places of the input.
  fileprivate var period: Int { stride / greatestCommonDivisor(stride, dilation) }

  /// The first taps of the kernel, each of which reaches other places.
  var phaseTaps: Range<Int> { 0..<(period < kernel ? period : kernel) }

  /// The remainder, when divided by the stride, of the places that tap `tap` reaches. A small
  /// input may have none.
  func phase(ofTap tap: Int) -> Int {
    let remainder = (tap &* dilation &- padding) % stride
    return remainder < 0 ? remainder &+ stride : remainder
  }

  /// How many remainders the input's places have.
  var phases: Int { stride < input ? stride : input }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
  var (a, b) = (a, b)
  while b != 0 { (a, b) = (b, a % b) }
  return a
}
