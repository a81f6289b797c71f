/// sin(πx) for x in [0, ½], within 2 ULP, and exactly 0 and 1 at the ends.
///
/// The Taylor series of the sine below ¼ and of the cosine above, where |πx| or
/// |π(½ - x)| is at most π/4: the first terms left out, y¹⁹/19! and y¹⁸/18!, are
/// below 2^-57 of the result.
func sineOfPi(_ x: Double) -> Double {
  if x <= 0.25 {
    let y = Double.pi * x
    let z = y * y
    let series =
      -1.0 / 6 + z
      * (1.0 / 120 + z
        * (-1.0 / 5_040 + z
          * (1.0 / 362_880
            + z
            * (-1.0 / 39_916_800 + z
              * (1.0 / 6_227_020_800
                + z * (-1.0 / 1_307_674_368_000 + z * (1.0 / 355_687_428_096_000)))))))
    return y + y * (z * series)
  }
  let y = Double.pi * (0.5 - x)  // 0.5 - x is exact
  let z = y * y
  let series =
    -1.0 / 2 + z
    * (1.0 / 24 + z
      * (-1.0 / 720 + z
        * (1.0 / 40_320
          + z
          * (-1.0 / 3_628_800 + z
            * (1.0 / 479_001_600
              + z * (-1.0 / 87_178_291_200 + z * (1.0 / 20_922_789_888_000)))))))
  return 1 + z * series
}
