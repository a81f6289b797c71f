/// Which place of an image each pixel of another one shows: an affine function of its row and
/// column. Places are counted so that pixel (row, column) has its centre there.
///
///     y = yRow · row + yColumn · column + y0
///     x = xRow · row + xColumn · column + x0
struct SamplingMap {
  var yRow = 1.0
  var yColumn = 0.0
  var y0 = 0.0
  var xRow = 0.0
  var xColumn = 1.0
  var x0 = 0.0
  /// It only crops and flips: every place is a pixel's centre.
  var isWhole = true

  /// A window that begins at (top, left).
  static func window(top: Int, left: Int) -> SamplingMap {
    SamplingMap(y0: Double(top), x0: Double(left))
  }

  /// A window of height × width, which may begin between pixels, shown with
  /// `toHeight` × `toWidth` pixels.
  static func resize(
    top: Double, left: Double, height: Double, width: Double, toHeight: Int, toWidth: Int
  ) -> SamplingMap {
    let (y, x) = (height / Double(toHeight), width / Double(toWidth))
    return SamplingMap(
      yRow: y, y0: top + (0.5 * y - 0.5), xColumn: x, x0: left + (0.5 * x - 0.5),
      isWhole: y == 1 && x == 1 && top == Double(Int(top)) && left == Double(Int(left)))
  }

  /// What comes after this map, as one map: places are looked up in `next` first.
  func followed(by next: SamplingMap) -> SamplingMap {
    SamplingMap(
      yRow: yRow * next.yRow + yColumn * next.xRow,
      yColumn: yRow * next.yColumn + yColumn * next.xColumn,
      y0: yRow * next.y0 + yColumn * next.x0 + y0,
      xRow: xRow * next.yRow + xColumn * next.xRow,
      xColumn: xRow * next.yColumn + xColumn * next.xColumn,
      x0: xRow * next.y0 + xColumn * next.x0 + x0,
      isWhole: isWhole && next.isWhole)
  }
}
