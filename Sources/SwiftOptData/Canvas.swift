import SwiftOptShims

/// One image on its way through a program.
///
/// Geometric augmentations only change which places the pixels come from; the image is read
/// once, when an augmentation wants to see pixels or when it is written out.
struct Canvas {
  let layout: CanvasLayout
  let scratch: CanvasScratch
  var channels: Int { layout.channels }

  // The image in memory: the source's, or floats in one of the two buffers.
  private var pixels: UnsafeRawPointer
  private var isByte: Bool
  private var isInBuffer = false
  private var usesSecond = false
  private var pixelsHeight: Int
  private var pixelsWidth: Int

  // What is to be seen of it.
  private var map = SamplingMap()
  private var isMapped = false
  private var fill: Float = 0
  private var hasFill = false
  private(set) var height: Int
  private(set) var width: Int

  /// `source` holds bytes or aligned floats.
  init(_ source: UnsafeRawPointer, layout: CanvasLayout, scratch: CanvasScratch) {
    self.layout = layout
    self.scratch = scratch
    pixels = source
    isByte = layout.sourceIsByte
    (height, width) = (layout.height, layout.width)
    (pixelsHeight, pixelsWidth) = (height, width)
  }

  /// Shows the image through one more map. Those with the same `fill`, the value of what is
  /// outside of the image (nil: the map stays inside), are joined.
  mutating func show(_ next: SamplingMap, height: Int, width: Int, fill: Double? = nil) {
    if let fill {
      let value = Float(fill)
      if hasFill && value != self.fill { render() }
      self.fill = value
      hasFill = true
    }
    map = isMapped ? map.followed(by: next) : next
    isMapped = true
    self.height = height
    self.width = width
  }

  /// The image as floats that may be changed in place.
  mutating func floats() -> FloatImage {
    if isMapped || !isInBuffer { render() }
    return FloatImage(
      pixels: usesSecond ? scratch.second : scratch.first, height: height, width: width,
      channels: channels)
  }

  /// Reads the image through its map into the other buffer.
  private mutating func render() {
    let target = isInBuffer && !usesSecond ? scratch.second : scratch.first
    write(to: target, isByte ? scratch.toUnit : scratch.unit, fill: scratch.unit)
    usesSecond = isInBuffer && !usesSecond
    isInBuffer = true
    pixels = UnsafeRawPointer(target)
    isByte = false
    (pixelsHeight, pixelsWidth) = (height, width)
    map = SamplingMap()
    isMapped = false
    hasFill = false
  }

  /// Writes what is to be seen, normalised if the program ends with that.
  func finish(_ out: UnsafeMutableRawPointer) {
    let values = isByte ? scratch.toOutput : scratch.unitToOutput
    switch layout.output {
    case .byte:
      write(to: out.assumingMemoryBound(to: UInt8.self), values, fill: scratch.unitToOutput)
    case .float:
      write(to: out.assumingMemoryBound(to: Float.self), values, fill: scratch.unitToOutput)
    case .double:
      write(to: out.assumingMemoryBound(to: Double.self), values, fill: scratch.unitToOutput)
    case .bfloat16:
      write(to: out.assumingMemoryBound(to: BFloat16Pixel.self), values, fill: scratch.unitToOutput)
    }
  }

  private func write<Target: TargetPixel>(
    to target: UnsafeMutablePointer<Target>, _ values: PixelMap, fill fillMap: PixelMap
  ) {
    if isByte {
      view(pixels.assumingMemoryBound(to: UInt8.self), values, fillMap).write(to: target)
    } else {
      view(pixels.assumingMemoryBound(to: Float.self), values, fillMap).write(to: target)
    }
  }

  @inline(__always)
  private func view<Source: SourcePixel>(
    _ source: UnsafePointer<Source>, _ values: PixelMap, _ fillMap: PixelMap
  ) -> ImageView<Source> {
    if hasFill { fillMap.fillPattern(fill, scratch.pattern) }
    return ImageView(
      pixels: source, height: pixelsHeight, width: pixelsWidth, channels: channels, map: map,
      values: values, pattern: scratch.pattern, row: scratch.row, places: scratch.places,
      outHeight: height,
      outWidth: width)
  }
}
