import CSwiftOpt
import SwiftOptShims

/// The images of field 0 as they are stored: height × width × channels, dense.
public struct SampleForm {
  public var dtype: so_dtype
  public var height, width, channels: Int

  public init(dtype: so_dtype, height: Int, width: Int, channels: Int) {
    self.dtype = dtype
    self.height = height
    self.width = width
    self.channels = channels
  }
}

/// What happens to each image on its way into the batch: see swiftopt_data.h.
///
/// It borrows the program's numbers, and keeps tables in the scratch memory of each thread.
public struct AugmentationProgram {
  private let source: SampleForm
  private let outDtype: so_dtype
  private let divides: Bool
  private let steps: ProgramSteps
  private let layout: CanvasLayout

  /// Throws unless `numbers` is a program for such images.
  public init(
    _ numbers: UnsafePointer<Double>?, _ length: Int, source: SampleForm, outDtype: so_dtype,
    dividesBy255: Bool
  ) throws(DataProblem) {
    self.source = source
    self.outDtype = outDtype
    let isByte = source.dtype == so_dtype(SO_UINT8)
    divides = dividesBy255 && isByte
    let size = ImageSize(height: source.height, width: source.width, channels: source.channels)
    steps = try ProgramSteps(numbers, length, size)
    try Self.checkForm(source, outDtype, steps)
    let output: CanvasLayout.Output
    switch outDtype {
    case SO_UINT8: output = .byte
    case SO_FLOAT64: output = .double
    case SO_BFLOAT16: output = .bfloat16
    default: output = .float
    }
    layout = CanvasLayout(
      height: source.height, width: source.width, channels: source.channels, sourceIsByte: isByte,
      output: output, mostPixels: steps.mostPixels, mostColumns: steps.mostColumns,
      usesBuffers: steps.usesBuffers, isDecoded: !isByte, operationCount: steps.count)
  }

  private static func checkForm(
    _ source: SampleForm, _ outDtype: so_dtype, _ steps: ProgramSteps
  ) throws(DataProblem) {
    let (height, width, channels) = (source.height, source.width, source.channels)
    guard height >= 1, height <= Int(mostPixelsOfASide), width >= 1, width <= Int(mostPixelsOfASide)
    else { throw .text("augment: images must have sides of 1 ... 32768 pixels") }
    guard channels >= 1, channels <= Int(SO_AUGMENTATION_MAX_CHANNELS) else {
      throw .text("augment: images must have 1 ... 16 channels")
    }
    guard height &* width &* channels < 1 << 31 else {
      throw .text("augment: an image must have less than 2^31 values")
    }
    guard source.dtype == so_dtype(SO_UINT8) || isFloatingPoint(source.dtype) else {
      throw .dtype(
        what: "augment", index: 0,
        text: "images must be uint8, float32, float64, float16 or bfloat16")
    }
    switch outDtype {
    case SO_UINT8:
      guard source.dtype == so_dtype(SO_UINT8), steps.allowsBytes else {
        throw .dtype(
          what: "augment", index: 0,
          text: "the result can be uint8 only of uint8 images and geometric augmentations")
      }
    case SO_FLOAT32, SO_FLOAT64, SO_BFLOAT16: break
    default:
      throw .dtype(
        what: "augment", index: 0, text: "the result must be uint8, float32, float64 or bfloat16")
    }
  }

  public var outHeight: Int { steps.size.height }
  public var outWidth: Int { steps.size.width }
  public var outChannels: Int { source.channels }

  /// Of `scratch`, which is aligned to 64.
  public var scratchBytes: Int { steps.count == 0 ? 0 : CanvasScratch.bytes(layout) }

  /// Whether pairs of samples of a batch are mixed.
  public var mixes: Bool { steps.mixing != nil }

  private func tables(_ scratch: UnsafeMutableRawPointer) -> CanvasScratch {
    CanvasScratch(scratch, layout, isUniform: steps.isUniform)
  }

  /// Writes what `apply` needs into scratch memory that it will be given.
  public func prepare(_ scratch: UnsafeMutableRawPointer, seed: UInt64) {
    if steps.count == 0 { return }
    let tables = tables(scratch)
    let isByte = layout.sourceIsByte
    // An image that stays one of bytes isn't scaled, but its fill is.
    let staysByte = layout.output == .byte
    let unit = divides || staysByte ? 1.0 / 255 : 1
    let outUnit = staysByte ? 1 : unit
    tables.toUnit.set(factor: unit, ofBytes: isByte, nil)
    tables.unit.set(factor: 1, ofBytes: false, nil)
    tables.toOutput.set(factor: outUnit, ofBytes: isByte, steps.normalize)
    tables.unitToOutput.set(factor: outUnit / unit, ofBytes: false, steps.normalize)
    for index in 0..<steps.count {
      tables.streams[index] = RandomStream(seed: seed, purpose: augmentationPurpose(index))
    }
  }

  /// Writes one image of the batch.
  public func apply(
    _ image: UnsafeRawPointer, to out: UnsafeMutableRawPointer, _ key: SampleKey,
    _ scratch: UnsafeMutableRawPointer
  ) {
    if steps.count == 0 {
      convert(
        image, source.dtype, to: out, outDtype,
        count: source.height &* source.width &* source.channels, dividesBy255: divides)
      return
    }
    let tables = tables(scratch)
    var start = image
    if layout.isDecoded {
      toFloats(
        image, source.dtype, tables.decoded,
        count: source.height &* source.width &* source.channels, dividesBy255: false)
      start = UnsafeRawPointer(tables.decoded)
    }
    var canvas = Canvas(start, layout: layout, scratch: tables)
    steps.run(key, &canvas)
    canvas.finish(out)
  }

  /// Mixes two images of a batch with each other, and their rows of labels, in place. The key
  /// is that of the first.
  public func mix(
    _ first: UnsafeMutableRawPointer, _ second: UnsafeMutableRawPointer,
    labels: UnsafeMutablePointer<Float>?, _ otherLabels: UnsafeMutablePointer<Float>?,
    classes: Int, _ key: SampleKey
  ) {
    guard let (id, settings) = steps.mixing else { return }
    let purpose = augmentationPurpose(settings.index)
    let draws = Draws(
      stream: RandomStream(seed: key.seed, purpose: purpose), purpose: purpose, key: key)
    let pair = Pair(first: first, second: second, isMixup: id == mixupNumber)
    let share = pair.mix(settings, draws, steps.size, outDtype)
    guard let labels, let otherLabels else { return }
    let (own, other) = (Float(share), Float(1 - share))
    for index in 0..<classes {
      let (a, b) = (labels[index], otherLabels[index])
      labels[index] = own * a + other * b
      otherLabels[index] = own * b + other * a
    }
  }
}

/// Two images that are mixed.
private struct Pair {
  let first: UnsafeMutableRawPointer
  let second: UnsafeMutableRawPointer
  let isMixup: Bool

  func mix(
    _ settings: Settings, _ draws: Draws, _ size: ImageSize, _ dtype: so_dtype
  ) -> Double {
    switch dtype {
    case SO_UINT8: mix(settings, draws, size, UInt8.self)
    case SO_FLOAT64: mix(settings, draws, size, Double.self)
    case SO_BFLOAT16: mix(settings, draws, size, BFloat16Pixel.self)
    default: mix(settings, draws, size, Float.self)
    }
  }

  @inline(__always)
  private func mix<Pixel: MixedPixel>(
    _ settings: Settings, _ draws: Draws, _ size: ImageSize, _: Pixel.Type
  ) -> Double {
    let one = first.assumingMemoryBound(to: Pixel.self)
    let other = second.assumingMemoryBound(to: Pixel.self)
    return isMixup
      ? Mixup.mix(settings, draws, one, other, size)
      : CutMix.mix(settings, draws, one, other, size)
  }
}
