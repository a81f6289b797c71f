/// Blends an image with a smoothed one: factor · x + (1 - factor) · smooth, bounded to
/// 0 ... 1, where smooth is the mean of the nine pixels around, the middle one counted five
/// times. The outermost pixels stay. `rows` has room for two rows.
func sharpen(_ image: FloatImage, _ factor: Float, rows: UnsafeMutablePointer<Float>) {
  let (channels, count) = (image.channels, image.width &* image.channels)
  guard image.height > 2 && image.width > 2 else { return }
  // Rows as they were: the one above, and this one.
  var (above, middle) = (rows, rows + count)
  above.update(from: image.pixels, count: count)
  for row in 1..<image.height &- 1 {
    let line = image.pixels + row &* count
    let below = line + count
    middle.update(from: line, count: count)
    for index in channels..<count &- channels {
      let (before, after) = (index &- channels, index &+ channels)
      let outer = (above[before] + above[index] + above[after]) + (middle[before] + middle[after])
      let sum = outer + (below[before] + below[index] + below[after]) + 5 * middle[index]
      line[index] = bounded(factor * middle[index] + (1 - factor) * (sum * (1.0 / 13)))
    }
    (above, middle) = (middle, above)
  }
}
