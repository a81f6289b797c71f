/// Where a convolution's kernel puts its sums: neighbouring places of the output, and the sums of
/// their channels.
struct PlaceOutput<Element: LayerElement> {
  typealias Number = Element.Number

  /// Of the output, from a place to the next one.
  let channels: Int
  let isRectified: Bool
  let sums: ChannelSums

  /// Stores the sums of up to four places, of which there are `places`, and of up to sixteen
  /// channels, of which there are `taken`.
  @inline(__always)
  func write(
    _ four: Four<Number>, _ places: Int, _ target: UnsafeMutablePointer<Element>,
    _ share: Int, _ channel: Int, _ taken: Int
  ) {
    let v = isRectified ? four.rectified : four
    if places > 3 && taken > 15 {
      Element.store16(v.s0, target)
      Element.store16(v.s1, target + channels)
      Element.store16(v.s2, target + 2 &* channels)
      Element.store16(v.s3, target + 3 &* channels)
    } else {
      store(v.s0, target, first: taken)
      if places > 1 { store(v.s1, target + channels, first: taken) }
      if places > 2 { store(v.s2, target + 2 &* channels, first: taken) }
      if places > 3 { store(v.s3, target + 3 &* channels, first: taken) }
    }
    guard sums.areWanted else { return }
    addUp(v.map(Element.rounded16), places, share, channel)
  }

  /// The same for the two vectors of pairs.
  @inline(__always)
  func writePairs(
    _ four: Four<Number>, _ others: Four<Number>, _ places: Int,
    _ target: UnsafeMutablePointer<Element>, _ share: Int, _ channel: Int
  ) {
    let (v, w) = isRectified ? (four.rectified, others.rectified) : (four, others)
    Element.storePairs32(v.s0, w.s0, target)
    if places > 3 {
      Element.storePairs32(v.s1, w.s1, target + channels)
      Element.storePairs32(v.s2, w.s2, target + 2 &* channels)
      Element.storePairs32(v.s3, w.s3, target + 3 &* channels)
    } else {
      if places > 1 { Element.storePairs32(v.s1, w.s1, target + channels) }
      if places > 2 { Element.storePairs32(v.s2, w.s2, target + 2 &* channels) }
    }
    guard sums.areWanted else { return }
    addUp(v.map(Element.roundedPairs16), places, share, channel)
    addUp(w.map(Element.roundedPairs16), places, share, channel &+ 16)
  }

  @inline(__always)
  private func addUp(_ stored: Four<Number>, _ places: Int, _ share: Int, _ channel: Int) {
    let place = sums.place(share: share, lane: channel)
    var total = SixteenSums<Number>(place)
    if places > 3 {
      total.add(Element.self, stored.s0, stored.s1, stored.s2, stored.s3)
    } else {
      total.add(stored.s0)
      if places > 1 { total.add(stored.s1) }
      if places > 2 { total.add(stored.s2) }
    }
    total.store(place)
  }
}

/// Sixteen channels of four places.
struct Four<Number: LayerNumber> {
  var s0, s1, s2, s3: SIMD16<Number>

  @inline(__always)
  init(_ all: SIMD16<Number>) { (s0, s1, s2, s3) = (all, all, all, all) }

  @inline(__always)
  func map(_ body: (SIMD16<Number>) -> SIMD16<Number>) -> Four {
    var result = self
    result.s0 = body(s0)
    result.s1 = body(s1)
    result.s2 = body(s2)
    result.s3 = body(s3)
    return result
  }

  /// The numbers, or 0 where they are below it; what is not a number stays.
  @inline(__always)
  var rectified: Four { map { Number.maximum16(.zero, $0) } }
}
