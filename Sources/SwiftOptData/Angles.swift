import SwiftOptMath

/// Sine and cosine of an angle of up to 720 degrees, within 2 ULP of 1; exact where they are
/// 0 and ±1.
func sineAndCosine(degrees: Double) -> (sine: Double, cosine: Double) {
  (sineOfTurns(degrees / 360), sineOfTurns((degrees + 90) / 360))
}

/// sin(2πx) for |x| of up to 4.
func sineOfTurns(_ x: Double) -> Double {
  // In quarters of a turn: sin is odd about 0 and 2, and symmetric about 1 and 3.
  let whole = Double(Int(x))
  let part = x - whole
  let share = part < 0 ? part + 1 : part
  let half = share >= 0.5 ? share - 0.5 : share
  let folded = half > 0.25 ? 0.5 - half : half
  let sine = sineOfPi(DoubleDouble(high: 2 * folded, low: 0))
  return share >= 0.5 ? -sine : sine
}

func tangent(degrees: Double) -> Double {
  let (sine, cosine) = sineAndCosine(degrees: degrees)
  return sine / cosine
}
