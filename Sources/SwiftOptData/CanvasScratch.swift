import SwiftOptShims

/// What the images of a program have in common.
struct CanvasLayout {
  enum Output { case byte, float, double, bfloat16 }

  var height: Int
  var width: Int
  var channels: Int
  /// The image that a canvas begins with consists of bytes, not floats.
  var sourceIsByte: Bool
  var output: Output
  /// Pixels of the largest image and of the longest row on the way.
  var mostPixels: Int
  var mostColumns: Int
  /// The image is held in buffers on its way: it isn't only read once.
  var usesBuffers: Bool
  /// Its dtype is neither bytes nor floats, so that it becomes floats first.
  var isDecoded: Bool
  /// Augmentations in the program.
  var operationCount: Int
}

/// Memory of one thread that fills images: the tables of a program, and room for an image.
struct CanvasScratch {
  let toUnit: PixelMap
  let unit: PixelMap
  let toOutput: PixelMap
  let unitToOutput: PixelMap
  /// 32 floats.
  let pattern: UnsafeMutablePointer<Float>
  /// The longest row of pixels, three times.
  let row: UnsafeMutablePointer<Float>
  let places: RowPlaces
  /// 256 counts.
  let histogram: UnsafeMutablePointer<Int32>
  /// One per augmentation.
  let streams: UnsafeMutablePointer<RandomStream>
  /// Room for images; nothing is there that the program doesn't use.
  let decoded: UnsafeMutablePointer<Float>
  let first: UnsafeMutablePointer<Float>
  let second: UnsafeMutablePointer<Float>

  private static let mapBytes = MemoryLayout<so_pixel_map>.stride

  init(_ memory: UnsafeMutableRawPointer, _ layout: CanvasLayout, isUniform: Bool) {
    let channels = layout.channels
    func map(_ index: Int, isUniform: Bool) -> PixelMap {
      PixelMap(
        (memory + index &* Self.mapBytes).assumingMemoryBound(to: so_pixel_map.self),
        channels: channels, isUniform: isUniform)
    }
    toUnit = map(0, isUniform: true)
    unit = map(1, isUniform: true)
    toOutput = map(2, isUniform: isUniform)
    unitToOutput = map(3, isUniform: isUniform)
    var next = memory + 4 &* Self.mapBytes
    func take<Element>(_ count: Int, _: Element.Type) -> UnsafeMutablePointer<Element> {
      let start = next.assumingMemoryBound(to: Element.self)
      next += Self.rounded(count &* MemoryLayout<Element>.stride)
      return start
    }
    pattern = take(32, Float.self)
    histogram = take(256, Int32.self)
    streams = take(layout.operationCount, RandomStream.self)
    row = take(3 &* layout.mostColumns &* channels, Float.self)
    places = RowPlaces(
      take(RowPlaces.numbersPerPixel &* layout.mostColumns, Float.self), count: layout.mostColumns)
    decoded = take(layout.isDecoded ? layout.height &* layout.width &* channels : 0, Float.self)
    let pixels = layout.usesBuffers ? layout.mostPixels &* channels : 0
    first = take(pixels, Float.self)
    second = take(pixels, Float.self)
  }

  static func bytes(_ layout: CanvasLayout) -> Int {
    let channels = layout.channels
    let pixels = layout.usesBuffers ? layout.mostPixels &* channels &* 4 : 0
    let decoded = layout.isDecoded ? layout.height &* layout.width &* channels &* 4 : 0
    return 4 &* mapBytes &+ rounded(32 &* 4) &+ rounded(256 &* 4)
      &+ rounded(layout.operationCount &* MemoryLayout<RandomStream>.stride)
      &+ rounded(3 &* layout.mostColumns &* channels &* 4)
      &+ rounded(RowPlaces.numbersPerPixel &* layout.mostColumns &* 4) &+ rounded(decoded)
      &+ 2 &* rounded(pixels)
  }

  private static func rounded(_ bytes: Int) -> Int { (bytes &+ 63) & ~63 }
}
