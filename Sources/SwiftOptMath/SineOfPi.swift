/// sin(πx) for x in [0, ½], within 1 ULP, and exactly 0 and 1 at the ends.
///
/// The Taylor series of the sine below ¼ and of the cosine above, where y = πx or
/// π(½ - x) is at most π/4: the first terms left out, y¹⁹/19! and y¹⁸/18!, are below
/// 2^-57 of the result. y has a low part, which the sine's derivative, 1 - y²/2 + ...,
/// carries over, and so does the cosine's, -y. Both series are computed, because a
/// loop without a branch vectorises.
@inlinable @inline(__always)
public func sineOfPi(_ x: DoubleDouble) -> Double {
  let isNear = x.high <= 0.25
  // 0.5 - x.high is exact where it is used.
  let y = timesPi(
    DoubleDouble(high: isNear ? x.high : 0.5 - x.high, low: isNear ? x.low : -x.low))
  let z = y.high * y.high
  let sine =
    -1.0 / 6 + z
    * (1.0 / 120 + z
      * (-1.0 / 5_040 + z
        * (1.0 / 362_880 + z
          * (-1.0 / 39_916_800 + z
            * (1.0 / 6_227_020_800 + z
              * (-1.0 / 1_307_674_368_000 + z * (1.0 / 355_687_428_096_000)))))))
  let cosine =
    -1.0 / 2 + z
    * (1.0 / 24 + z
      * (-1.0 / 720 + z
        * (1.0 / 40_320 + z
          * (-1.0 / 3_628_800 + z
            * (1.0 / 479_001_600 + z
              * (-1.0 / 87_178_291_200 + z * (1.0 / 20_922_789_888_000)))))))
  return isNear
    ? y.high + (y.high * (z * sine) + y.low * (1 - 0.5 * z)) : 1 + (z * cosine - y.high * y.low)
}

@inlinable @inline(__always)
func timesPi(_ x: DoubleDouble) -> DoubleDouble {
  let lowOfPi = 1.2246467991473532e-16
  let product = DoubleDouble.exactProduct(x.high, Double.pi)
  return DoubleDouble(
    high: product.high, low: product.low + (x.high * lowOfPi + x.low * Double.pi))
}
