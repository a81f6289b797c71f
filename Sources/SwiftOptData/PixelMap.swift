import SwiftOptShims

/// What becomes of a pixel's value when it is written: see so_images.h.
struct PixelMap {
  let scale: UnsafeMutablePointer<Float>
  let rest: UnsafeMutablePointer<Float>
  let offset: UnsafeMutablePointer<Float>
  let channels: Int
  /// All channels have the same.
  let isUniform: Bool

  init(_ memory: UnsafeMutablePointer<so_pixel_map>, channels: Int, isUniform: Bool) {
    scale = so_pixel_scale(memory)
    rest = so_pixel_rest(memory)
    offset = so_pixel_offset(memory)
    self.channels = channels
    self.isUniform = isUniform
  }

  /// y = (x · factor - mean) / std, or y = x · factor; `ofBytes` if x comes from bytes.
  func set(factor: Double, ofBytes: Bool, _ normalize: Normalize.Numbers?) {
    var channel = 0
    for index in 0..<16 &+ channels &- 1 {
      let mean = normalize?.mean(channel) ?? 0
      let std = normalize?.std(channel) ?? 1
      let slope = factor / std
      // 16 significant bits, so that the product with a byte is exact.
      let leading = Float(bitPattern: Float(slope).bitPattern & 0xFFFF_FF00)
      scale[index] = ofBytes ? leading : Float(slope)
      rest[index] = Float(slope - Double(leading))
      // Not +0, so that a zero keeps its sign.
      offset[index] = Float(-(mean / std))
      channel = channel &+ 1 == channels ? 0 : channel &+ 1
    }
  }

  /// What a number becomes, for a row of it.
  func fillPattern(_ value: Float, _ pattern: UnsafeMutablePointer<Float>) {
    for index in 0..<16 &+ channels &- 1 {
      pattern[index] = value * scale[index] + offset[index]
    }
  }
}

extension SourcePixel {
  @inline(__always)
  static func mapped(
    _ x: SIMD16<Float>, _ scale: SIMD16<Float>, _ rest: SIMD16<Float>, _ offset: SIMD16<Float>
  ) -> SIMD16<Float> {
    let small = hasRest ? so_multiply_add_float16(x, rest, offset) : offset
    return so_multiply_add_float16(x, scale, small)
  }

  @inline(__always)
  static func mapped(
    _ x: Float, _ scale: Float, _ rest: Float, _ offset: Float
  ) -> Float {
    x * scale + (hasRest ? x * rest + offset : offset)
  }
}

/// Writes `count` numbers, whole pixels, through the map. The last vector may overlap the one
/// before it, so not in place.
@inline(__always)
func convert<Source: SourcePixel, Target: TargetPixel>(
  _ source: UnsafePointer<Source>, _ target: UnsafeMutablePointer<Target>, _ count: Int,
  _ map: PixelMap
) {
  if count < 16 {
    convertFew(source, target, count, map)
  } else if map.isUniform {
    let scale = SIMD16(repeating: map.scale[0])
    let rest = SIMD16(repeating: map.rest[0])
    let offset = SIMD16(repeating: map.offset[0])
    var index = 0
    while index < count {
      let start = index < count &- 16 ? index : count &- 16
      let values = Source.mapped(Source.load16(source + start), scale, rest, offset)
      Target.store16(values, target + start)
      index &+= 16
    }
  } else {
    let step = 16 % map.channels
    // Of the last vector, which ends with the last channel.
    let lastChannel = step == 0 ? 0 : map.channels &- step
    var channel = 0
    var index = 0
    while index < count {
      let isLast = index > count &- 16
      let start = isLast ? count &- 16 : index
      if isLast { channel = lastChannel }
      let values = Source.mapped(
        Source.load16(source + start), so_load_float16(map.scale + channel),
        so_load_float16(map.rest + channel), so_load_float16(map.offset + channel))
      Target.store16(values, target + start)
      index &+= 16
      channel &+= step
      if channel >= map.channels { channel &-= map.channels }
    }
  }
}

/// One number at a time.
@inline(__always)
private func convertFew<Source: SourcePixel, Target: TargetPixel>(
  _ source: UnsafePointer<Source>, _ target: UnsafeMutablePointer<Target>, _ count: Int,
  _ map: PixelMap
) {
  var channel = 0
  for index in 0..<count {
    let value = Source.mapped(
      source[index].value, map.scale[channel], map.rest[channel], map.offset[channel])
    target[index] = Target(rounding: value)
    channel = channel &+ 1 == map.channels ? 0 : channel &+ 1
  }
}

/// Writes a pattern of `channels` numbers again and again.
@inline(__always)
func repeatPattern<Target: TargetPixel>(
  _ pattern: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Target>, _ count: Int,
  _ channels: Int
) {
  let step = 16 % channels
  var channel = 0
  var index = 0
  while index &+ 16 <= count {
    Target.store16(so_load_float16(pattern + channel), target + index)
    index &+= 16
    channel &+= step
    if channel >= channels { channel &-= channels }
  }
  while index < count {
    target[index] = Target(rounding: pattern[channel])
    index &+= 1
    channel = channel &+ 1 == channels ? 0 : channel &+ 1
  }
}

/// The same for a row of `count` pixels that are read from the last to the first. `row` has
/// room for them.
@inline(__always)
func convertReversed<Source: SourcePixel, Target: TargetPixel>(
  _ source: UnsafePointer<Source>, _ target: UnsafeMutablePointer<Target>, _ count: Int,
  _ map: PixelMap, _ row: UnsafeMutablePointer<Float>
) {
  if map.channels > 1 || count < 16 {
    let copy = UnsafeMutableRawPointer(row).assumingMemoryBound(to: Source.self)
    reverse(source, copy, count, channels: map.channels)
    convert(UnsafePointer(copy), target, count &* map.channels, map)
  } else {
    let scale = SIMD16(repeating: map.scale[0])
    let rest = SIMD16(repeating: map.rest[0])
    let offset = SIMD16(repeating: map.offset[0])
    var index = 0
    while index < count {
      let start = index < count &- 16 ? index : count &- 16
      let values = Source.mapped(Source.load16(source + start), scale, rest, offset)
      Target.store16(so_reverse_float16(values), target + (count &- 16 &- start))
      index &+= 16
    }
  }
}

/// Copies pixels from the last to the first. The copy has room for four bytes more.
@inline(never)
private func reverse<Source: SourcePixel>(
  _ source: UnsafePointer<Source>, _ copy: UnsafeMutablePointer<Source>, _ count: Int,
  channels: Int
) {
  var from = source + (count &- 1) &* channels
  for channel in 0..<channels { copy[channel] = from[channel] }
  let bytes = channels &* MemoryLayout<Source>.stride
  let isNarrow = bytes >= 2 && bytes <= 4
  for pixel in 1..<(count > 1 ? count : 1) {
    let to = copy + pixel &* channels
    from -= channels
    if isNarrow {
      // Four bytes at a time, no more than this pixel and the one after it have. What is too
      // many is written again by the next pixel, or lies in the room after the row.
      let bits = UnsafeRawPointer(from).loadUnaligned(as: UInt32.self)
      UnsafeMutableRawPointer(to).storeBytes(of: bits, as: UInt32.self)
    } else {
      for channel in 0..<channels { to[channel] = from[channel] }
    }
  }
}
