import SwiftOptMath

/// Steps whose values are wanted, and memory for a share of time at each.
///
/// Powers are computed in several loops, each with a short chain of operations, because
/// a processor overlaps the iterations of such loops better than those of a long one.
struct Block {
  let steps: UnsafePointer<Double>
  let values: UnsafeMutablePointer<Double>
  let count: Int
  /// High and low parts of the shares; all four arrays are apart from each other.
  let high: UnsafeMutablePointer<Double>
  let low: UnsafeMutablePointer<Double>

  @inline(__always)
  func share(_ index: Int) -> DoubleDouble {
    DoubleDouble(high: high[index], low: low[index])
  }

  @inline(__always)
  func setShares(_ share: (Double) -> DoubleDouble) {
    var index = 0
    while index < count {
      let result = share(steps[index])
      high[index] = result.high
      low[index] = result.low
      index &+= 1
    }
  }

  /// 1 - (n / total)^k for n < total: what remains of a schedule whose decay is put off
  /// (k > 1) or brought forward (k < 1).
  ///
  /// As -(e^y - 1) with y = k ln(n / total), so that it keeps its digits near the end,
  /// where the power is close to 1.
  ///
  /// Source: T. Zhang and W. Li, "k-decay: A New Method for Learning Rate Schedule", 2020
  /// (arXiv:2004.05909), with n^k / total^k as in timm.
  @inline(__always)
  func setRemainingShares(of total: Double, kDecay k: Double) {
    setShares { completedShare(of: total, at: $0) }
    var index = 0
    if k == 0.5 {
      while index < count {
        let root = high[index].squareRoot()
        let square = DoubleDouble.exactProduct(root, root)
        let rest = ((high[index] - square.high) - square.low) + low[index]
        let share = DoubleDouble.exactSum(1, -root)
        let low = share.low - (root > 0 ? 0.5 * rest / root : 0)
        // The root may round to 1 and leave all to the low part.
        let sum = DoubleDouble.exactOrderedSum(share.high, low)
        high[index] = sum.high
        self.low[index] = sum.low
        index &+= 1
      }
      return
    }
    while index < count {
      // Of a share of 0 any number.
      low[index] = k * roundedLogarithm(share(index))
      index &+= 1
    }
    index = 0
    while index < count {
      let power = exponentialMinus1(DoubleDouble(high: low[index], low: 0))
      // Below e^-745 the power is 0, and so it is for step 0.
      let isStart = high[index] == 0 || low[index] < -745
      high[index] = isStart ? 1 : -power.high
      low[index] = isStart ? 0 : -power.low
      index &+= 1
    }
  }

  /// values = shares^exponent, for shares in (0, 1] and an exponent > 0, within 1.5 · 2^-53
  /// of 1; 0 of a share that is too small for a double. Negative ones give any number.
  ///
  /// A rounded logarithm is good enough: its relative error e changes the power by
  /// e · x e^-x, x = -exponent · ln share, which is at most 0.37 e. It isn't for powers
  /// that are exact, which the usual exponents have.
  @inline(__always)
  func raiseShares(to exponent: Double) {
    var index = 0
    if exponent == 1 {
      values.update(from: high, count: count)
    } else if exponent == 2 {
      while index < count {
        values[index] = high[index] * high[index] + 2 * high[index] * low[index]
        index &+= 1
      }
    } else if exponent == 0.5 {
      while index < count {
        let root = high[index].squareRoot()
        // Nothing is added to a root but 0, which stays 0.
        values[index] = root + 0.5 * low[index] / (root + Double.leastNonzeroMagnitude)
        index &+= 1
      }
    } else {
      while index < count {
        values[index] = exponent * roundedLogarithm(share(index))
        index &+= 1
      }
      index = 0
      while index < count {
        let power = exponential(DoubleDouble(high: values[index], low: 0))
        values[index] = values[index] >= -745 ? power : 0
        index &+= 1
      }
    }
  }

  /// values = `final` at 0, `initial` at 1, and `final` from step `total` on.
  @inline(__always)
  func interpolate(from initial: Double, to final: Double, total: Double) {
    var index = 0
    while index < count {
      values[index] = SwiftOptSchedules.interpolate(
        from: final, to: initial, fraction: steps[index] < total ? values[index] : 0)
      index &+= 1
    }
  }
}
