/// An image seen through a map, ready to be written.
struct ImageView<Source: SourcePixel> {
  let pixels: UnsafePointer<Source>
  let height: Int
  let width: Int
  let channels: Int
  let map: SamplingMap
  let values: PixelMap
  /// What is written outside of the image: one vector, beginning with any channel.
  let pattern: UnsafePointer<Float>
  /// Room for a row of `outWidth` pixels.
  let row: UnsafeMutablePointer<Float>
  /// Room for where they are.
  let places: RowPlaces
  let outHeight: Int
  let outWidth: Int

  @inline(__always)
  func write<Target: TargetPixel>(to target: UnsafeMutablePointer<Target>) {
    if map.isWhole { copy(to: target) } else { sample(to: target) }
  }

  /// The pixels of a map that only crops and flips, without arithmetic on them but for the
  /// pixel map's.
  @inline(never)
  private func copy<Target: TargetPixel>(to target: UnsafeMutablePointer<Target>) {
    let rows = Interval(of: map.y0, step: map.yRow, inside: height, count: outHeight)
    let columns = Interval(of: map.x0, step: map.xColumn, inside: width, count: outWidth)
    let stride = outWidth &* channels
    let used = columns.count &* channels
    if rows.count == 0 || used == 0 {
      repeatPattern(pattern, target, outHeight &* stride, channels)
      return
    }
    if rows.begin > 0 { repeatPattern(pattern, target, rows.begin &* stride, channels) }
    let firstX = columns.isReversed ? columns.place &- columns.count &+ 1 : columns.place
    if used == stride && used == width &* channels && !columns.isReversed && !rows.isReversed {
      let start = rows.place &* stride
      convert(pixels + start, target + rows.begin &* stride, rows.count &* stride, values)
    } else {
      for index in 0..<rows.count {
        let y = rows.isReversed ? rows.place &- index : rows.place &+ index
        let source = pixels + (y &* width &+ firstX) &* channels
        let line = target + (rows.begin &+ index) &* stride
        let start = line + columns.begin &* channels
        if columns.isReversed {
          convertReversed(source, start, columns.count, values, row)
        } else {
          convert(source, start, used, values)
        }
        if columns.count < outWidth { fillSides(line, columns) }
      }
    }
    let after = rows.begin &+ rows.count
    if after < outHeight {
      repeatPattern(pattern, target + after &* stride, (outHeight &- after) &* stride, channels)
    }
  }

  /// What of a row lies outside.
  @inline(__always)
  private func fillSides<Target: TargetPixel>(
    _ line: UnsafeMutablePointer<Target>, _ columns: Interval
  ) {
    repeatPattern(pattern, line, columns.begin &* channels, channels)
    let after = columns.begin &+ columns.count
    repeatPattern(pattern, line + after &* channels, (outWidth &- after) &* channels, channels)
  }

  /// Bilinear: a place inside the image, edges of its outer pixels included, has the values of
  /// the four pixels around it in proportion to how near they are. Beyond the outer pixels'
  /// centres these go on; outside is the pattern.
  @inline(never)
  private func sample<Target: TargetPixel>(to target: UnsafeMutablePointer<Target>) {
    for index in 0..<outHeight {
      let line = target + index &* outWidth &* channels
      let y = map.yRow * Double(index) + map.y0
      let x = map.xRow * Double(index) + map.x0
      // What lies inside is convex, so it is one run of the row.
      var begin = 0
      while begin < outWidth, !isInside(y, x, begin) { begin &+= 1 }
      var end = outWidth
      while end > begin, !isInside(y, x, end &- 1) { end &-= 1 }
      if begin < end {
        places.find(map, y, x, begin, end, height: height, width: width, channels: channels)
        switch channels {
        case 1: places.blend(pixels, row, count: end &- begin, channels: 1)
        case 3: places.blend(pixels, row, count: end &- begin, channels: 3)
        default: places.blend(pixels, row, count: end &- begin, channels: channels)
        }
        let blended = UnsafeRawPointer(row).assumingMemoryBound(to: Source.Blended.self)
        convert(blended, line + begin &* channels, (end &- begin) &* channels, values)
      }
      if end &- begin < outWidth {
        fillSides(line, Interval(begin: begin, count: end &- begin))
      }
    }
  }

  @inline(__always)
  private func isInside(_ y: Double, _ x: Double, _ column: Int) -> Bool {
    let y = y + map.yColumn * Double(column)
    let x = x + map.xColumn * Double(column)
    return y >= -0.5 && y < Double(height) - 0.5 && x >= -0.5 && x < Double(width) - 0.5
  }
}

/// Whole places place, place ± 1, ... of the elements begin ..< begin + count.
struct Interval {
  var begin: Int
  var count: Int
  var place = 0
  var isReversed = false

  init(begin: Int, count: Int) {
    self.begin = begin
    self.count = count
  }

  /// Which of the elements 0 ..< count lie at places 0 ..< inside, if element i is at
  /// first + step · i, where step is 1 or -1.
  init(of first: Double, step: Double, inside: Int, count total: Int) {
    let start = Int(first)
    isReversed = step < 0
    // Going up: begin = -start, end = inside - start. Going down: from inside - 1 to 0.
    let from = isReversed ? start &- (inside &- 1) : 0 &- start
    let to = isReversed ? start &+ 1 : inside &- start
    begin = from < 0 ? 0 : (from > total ? total : from)
    let end = to < begin ? begin : (to > total ? total : to)
    count = end &- begin
    place = isReversed ? start &- begin : start &+ begin
  }
}
