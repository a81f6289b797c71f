/// Where the pixels of a part of a row lie, in the image that they show: tables of one number
/// per pixel, which are made by a loop that vectorises, before the pixels are gathered.
struct RowPlaces {
  /// The first of the four pixels around a place: the upper left one.
  private let corner: UnsafeMutablePointer<Int32>
  /// How far it is to the right and the lower one, 0 at the image's edge.
  private let toRight: UnsafeMutablePointer<Int32>
  private let toLower: UnsafeMutablePointer<Int32>
  /// How near these are.
  private let across: UnsafeMutablePointer<Float>
  private let down: UnsafeMutablePointer<Float>

  static let numbersPerPixel = 5

  /// `memory` is five numbers for each of `count` pixels.
  init(_ memory: UnsafeMutablePointer<Float>, count: Int) {
    let whole = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Int32.self)
    (corner, toRight, toLower) = (whole, whole + count, whole + 2 &* count)
    (across, down) = (memory + 3 &* count, memory + 4 &* count)
  }

  /// Finds the places of columns begin ..< end, of a row whose first column is at (y, x).
  @inline(__always)
  func find(
    _ map: SamplingMap, _ y: Double, _ x: Double, _ begin: Int, _ end: Int, height: Int,
    width: Int, channels: Int
  ) {
    let (lastY, lastX) = (Double(height &- 1), Double(width &- 1))
    let perPixel = Int32(truncatingIfNeeded: channels)
    let perRow = Int32(truncatingIfNeeded: width &* channels)
    let (lastRow, lastColumn) = (
      Int32(truncatingIfNeeded: height &- 1), Int32(truncatingIfNeeded: width &- 1)
    )
    var column = Double(begin)
    for index in 0..<end &- begin {
      let (top, down) = split(y + map.yColumn * column, lastY)
      let (left, across) = split(x + map.xColumn * column, lastX)
      corner[index] = top &* perRow &+ left &* perPixel
      toRight[index] = left < lastColumn ? perPixel : 0
      toLower[index] = top < lastRow ? perRow : 0
      self.across[index] = across
      self.down[index] = down
      column += 1
    }
  }

  /// Writes the values at the first `count` places.
  @inline(__always)
  func blend<Source: SourcePixel>(
    _ pixels: UnsafePointer<Source>, _ row: UnsafeMutablePointer<Float>, count: Int, channels: Int
  ) {
    for index in 0..<count {
      let start = pixels + Int(corner[index])
      let (right, lower) = (Int(toRight[index]), Int(toLower[index]))
      let (across, down) = (across[index], down[index])
      let target = row + index &* channels
      for channel in 0..<channels {
        let pixel = start + channel
        let (a, b) = (pixel[0].value, pixel[lower].value)
        let first = a + across * (pixel[right].value - a)
        let second = b + across * (pixel[lower &+ right].value - b)
        target[channel] = first + down * (second - first)
      }
    }
  }
}

/// A place, which is first moved into 0 ... last, as a whole number and what is left. Rounding
/// errors may leave places of a run a little outside.
@inline(__always)
private func split(_ place: Double, _ last: Double) -> (Int32, Float) {
  let positive = place > 0 ? place : 0
  let bounded = positive < last ? positive : last
  // Rounded to the nearest whole number and corrected: a conversion could trap, for all that
  // the compiler knows, and the loop wouldn't vectorise.
  let shifter = 0x1.8p52
  let nearest = (bounded + shifter) - shifter
  let whole = nearest > bounded ? nearest - 1 : nearest
  let bits = (whole + shifter).bitPattern
  return (Int32(truncatingIfNeeded: bits), Float(bounded - whole))
}
