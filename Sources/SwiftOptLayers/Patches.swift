import SwiftOptShims

/// The rows of a convolution's product: one for each place of its output, with the source's
/// elements for every tap in turn, `taken` channels each.
struct Patches {
  let rows: PatchAxis
  let columns: PatchAxis
  let channels: Int
  let taken: Int

  @inline(__always)
  var depth: Int { rows.taps &* columns.taps &* taken }
  @inline(__always)
  var targetPixels: Int { rows.target &* columns.target }

  /// Copies the rows of the places `pixels`, counted over all images, from the channels on that
  /// `source` points at.
  func gather<Element: LayerElement>(
    _ pixels: Range<Int>, _ source: UnsafePointer<Element>, _ target: UnsafeMutablePointer<Element>
  ) {
    let image = rows.source &* columns.source &* channels
    var x = pixels.lowerBound % columns.target
    var y = pixels.lowerBound / columns.target % rows.target
    var from = source + pixels.lowerBound / targetPixels &* image
    var to = target
    for _ in pixels {
      for tap in 0..<rows.taps {
        let row = y &* rows.step &+ rows.base &+ tap &* rows.apart
        if row < 0 || row >= rows.source {
          clear(to, columns.taps &* taken)
        } else {
          gatherRow(x, from + row &* columns.source &* channels, to)
        }
        to += columns.taps &* taken
      }
      x &+= 1
      if x == columns.target {
        x = 0
        y &+= 1
        if y == rows.target {
          y = 0
          from += image
        }
      }
    }
  }

  @inline(__always)
  private func gatherRow<Element: LayerElement>(
    _ x: Int, _ row: UnsafePointer<Element>, _ target: UnsafeMutablePointer<Element>
  ) {
    let first = x &* columns.step &+ columns.base
    if columns.apart == 1 && taken == channels {
      let inside = columns.inside(x)
      clear(target, inside.lowerBound &* taken)
      copy(
        row + (first &+ inside.lowerBound) &* channels, target + inside.lowerBound &* taken,
        inside.count &* taken)
      clear(target + inside.upperBound &* taken, (columns.taps &- inside.upperBound) &* taken)
    } else {
      for tap in 0..<columns.taps {
        let place = first &+ tap &* columns.apart
        if place < 0 || place >= columns.source {
          clear(target + tap &* taken, taken)
        } else {
          copy(row + place &* channels, target + tap &* taken, taken)
        }
      }
    }
  }
}

@inline(__always)
func copy<Element: LayerElement>(
  _ source: UnsafePointer<Element>, _ target: UnsafeMutablePointer<Element>, _ count: Int
) {
  so_copy_short(source, target, Int64(count &* MemoryLayout<Element>.stride))
}

@inline(__always)
func clear<Element: LayerElement>(_ target: UnsafeMutablePointer<Element>, _ count: Int) {
  for index in 0..<count { target[index] = Element(rounding: 0) }
}
