extension Double: ElementaryNumber {
  @inlinable @inline(__always)
  public static func exponential(_ x: Double) -> Double {
    let bounded = x < -750 ? -750 : (x > 710 ? 710 : x)
    return SwiftOptMath.exponential(DoubleDouble(high: bounded, low: 0))
  }

  @inlinable @inline(__always)
  public static func exponential(ofNegative x: Double) -> Double {
    SwiftOptMath.exponential(DoubleDouble(high: x < -750 ? -750 : x, low: 0))
  }

  @inlinable @inline(__always)
  public static func exponential(ofNegative x: Double, rest: Double) -> Double {
    SwiftOptMath.exponential(DoubleDouble(high: x < -750 ? -750 : x, low: rest))
  }

  @inlinable @inline(__always)
  public static func exponentialMinus1(_ x: Double) -> Double {
    let bounded = x < -750 ? -750 : x
    return SwiftOptMath.exponentialMinus1(DoubleDouble(high: bounded, low: 0)).high
  }

  /// As of `Float`, with degree 22 and an error of the polynomial below 2^-54.
  @inlinable @inline(__always)
  public static func scaledNormalTail(_ t: Double) -> Double {
    let s = 1 / (1 + 0.25 * t)
    // 2s - 1 would have twice the error of s where t is small.
    let u = 1 - 0.5 * t * s
    let square = u * u
    let fourth = square * square
    // Four short chains instead of a long one; apart, so that types are found fast.
    let zeroth =
      0.18882128260393788 + fourth
      * (0.015099143722674867 + fourth
        * (3.333606350476228e-05 + fourth
          * (1.7875139898040247e-07 + fourth
            * (6.592062144101906e-08 + fourth * 3.4810059983754273e-09))))
    let first =
      0.15197416049297294 + fourth
      * (0.0018850472413982648 + fourth
        * (5.777370457984405e-05 + fourth
          * (1.479723182940809e-06 + fourth
            * (3.856580134192769e-08 + fourth * -1.8173863697566723e-11))))
    let second =
      0.09678435018555472 + fourth
      * (-0.0008699230905606333 + fourth
        * (-4.769666329153394e-07 + fourth
          * (-1.56283026011967e-07 + fourth
            * (-1.9095205133726126e-08 + fourth * -2.413356355057126e-10))))
    let third =
      0.04663046448992354 + fourth
      * (-0.0004077046104725899 + fourth
        * (-8.786045289440243e-06
          + fourth * (-2.549512129533793e-07 + fourth * -3.644648336759115e-09)))
    return s * ((zeroth + square * second) + u * (first + square * third))
  }

  @inlinable @inline(__always)
  public static var normalBound: Double { 39 }

  @inlinable @inline(__always)
  public static func leadingHalf(_ t: Double) -> Double {
    Double(bitPattern: t.bitPattern & 0xFFFF_FFFF_F800_0000)
  }
}
