/// The same random numbers on every run (Steele et al. 2014, "Fast splittable pseudorandom
/// number generators"). Inlinable, as tests draw millions.
public struct SplitMix64: RandomNumberGenerator {
  @usableFromInline var state: UInt64

  @inlinable
  public init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

  @inlinable
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  @inlinable
  public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// One of `choices`.
  @inlinable
  public mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[below(choices.count)] }

  /// Numbers of either sign whose magnitudes are spread evenly over powers of two; every
  /// sixteenth or so is 0.
  @inlinable
  public mutating func numbers<Scalar: BinaryFloatingPoint>(
    _ count: Int, exponents: ClosedRange<Int>
  ) -> [Scalar] {
    (0..<count).map { _ in
      if below(16) == 0 { return 0 }
      let significand = Scalar(1 + below(1 << 20)) / Scalar(1 << 20)
      let exponent = exponents.lowerBound + below(exponents.count)
      let sign: FloatingPointSign = below(2) == 0 ? .plus : .minus
      return Scalar(sign: sign, exponent: Scalar.Exponent(exponent), significand: significand)
    }
  }
}
