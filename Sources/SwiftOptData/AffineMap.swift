/// The map of a rotation, shear, scaling and shift about the centre of an image.
///
/// Seen as a movement of the image: with c its centre, in coordinates (x to the right, y down),
///
///     p -> c + shift + scale · R · X · Y · (p - c),
///     R = (cos a, sin a; -sin a, cos a), X = (1, shearX; 0, 1), Y = (1, 0; shearY, 1)
///
/// a rotates counter-clockwise; shears are tangents of angles. What is returned looks places
/// up, so it is the inverse.
func affineMap(
  height: Int, width: Int, degrees: Double, shiftY: Double, shiftX: Double, scale: Double,
  shearY: Double, shearX: Double
) -> SamplingMap {
  let (sine, cosine) = sineAndCosine(degrees: degrees)
  let (centreY, centreX) = (0.5 * Double(height &- 1), 0.5 * Double(width &- 1))
  // The inverse of R, then of X, then of Y.
  let (xx, xy) = (cosine, -sine)
  let (yx, yy) = (sine, cosine)
  let (ax, ay) = (xx - shearX * yx, xy - shearX * yy)
  let (bx, by) = (yx - shearY * ax, yy - shearY * ay)
  let factor = 1 / scale
  let (xColumn, xRow) = (factor * ax, factor * ay)
  let (yColumn, yRow) = (factor * bx, factor * by)
  let (fromY, fromX) = (centreY + shiftY, centreX + shiftX)
  return SamplingMap(
    yRow: yRow, yColumn: yColumn, y0: centreY - (yRow * fromY + yColumn * fromX),
    xRow: xRow, xColumn: xColumn, x0: centreX - (xRow * fromY + xColumn * fromX),
    isWhole: false)
}
