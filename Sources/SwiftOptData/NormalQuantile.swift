/// The number below which a standard normal random number is with a given probability, within
/// 1e-6: the number that a word of 32 random bits stands for.
///
/// The upper bit is the sign; the others, as (bits + ½) / 2^32, are the probability p of the
/// tail, in 2^-33 ... ½. With algorithm AS 241 (Wichura 1988, "The percentage points of the
/// normal distribution", PPND7): a rational function of 0.180625 - (½ - p)², or in the tails
/// below 0.075 of √(-ln p). Both are computed, because a loop without a branch vectorises.
@inline(__always)
func normal(_ word: UInt32) -> Float {
  let p = (Float(Int32(bitPattern: word & 0x7FFF_FFFF)) + 0.5) * 0x1p-32
  let q = 0.5 - p
  let r = 0.180625 - q * q
  let central =
    q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)
    / (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1)
  let t = (-naturalLogarithm(p)).squareRoot() - 1.6
  let tail =
    (((0.17023821103 * t + 1.3067284816) * t + 2.7568153900) * t + 1.4234372777)
    / ((0.12021132975 * t + 0.73700164250) * t + 1)
  let magnitude = q <= 0.425 ? central : tail
  return Float(bitPattern: magnitude.bitPattern ^ (word & 0x8000_0000))
}

/// ln x for a normal x, within 3 ULP of 1 or of the result: with x = 2^k m, m in [√½, √2) and
/// s = (m - 1) / (m + 1), k ln 2 + 2 (s + s³/3 + s⁵/5 + s⁷/7 + s⁹/9).
@inline(__always)
private func naturalLogarithm(_ x: Float) -> Float {
  let bits = Int32(bitPattern: x.bitPattern)
  let k = (bits &- 0x3F35_04F3) &>> 23
  let m = Float(bitPattern: UInt32(bitPattern: bits &- k &<< 23))
  let s = (m - 1) / (m + 1)
  let z = s * s
  let series = s * z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9))))
  return Float(k) * 0.693147180559945 + 2 * (s + series)
}
