/// Fills an alias table by one sweep over the weights (Hübschle-Schneider & Sanders 2022,
/// "Parallel weighted random sampling", section 4): what a light sample leaves of its column,
/// the current heavy one fills; a heavy one that has become light is filled by the next.
public func makeAliasTable(
  _ weights: UnsafePointer<Double>?, count: Int, _ accept: UnsafeMutablePointer<Double>?,
  _ alias: UnsafeMutablePointer<Int64>?
) throws(DataProblem) {
  guard count >= 1, count <= 1 << 48 else {
    throw .number(what: "count", field: "", value: Double(count), must: "in 1 ... 2^48")
  }
  guard let weights else { throw .text("weights is NULL") }
  guard let accept else { throw .text("accept is NULL") }
  guard let alias else { throw .text("alias is NULL") }
  // By the greatest first: the sum of large weights may overflow.
  var greatest = 0.0
  for index in 0..<count {
    let weight = weights[index]
    guard weight >= 0, weight <= Double.greatestFiniteMagnitude else {
      throw .entry(
        what: "weights", index: index, field: "", value: weight, must: "finite and >= 0")
    }
    if weight > greatest { greatest = weight }
  }
  guard greatest > 0 else { throw .text("weights are all 0") }
  var sum = 0.0
  for index in 0..<count { sum += weights[index] / greatest }
  let table = AliasSweep(
    weights: weights, greatest: greatest, mean: sum / Double(count), count: count, accept: accept,
    alias: alias)
  table.fill()
}

private struct AliasSweep {
  let weights: UnsafePointer<Double>
  let greatest, mean: Double
  let count: Int
  let accept: UnsafeMutablePointer<Double>
  let alias: UnsafeMutablePointer<Int64>

  /// What a sample has to give, where a column holds 1.
  func share(_ index: Int) -> Double { weights[index] / greatest / mean }

  func next(after index: Int, isHeavy: Bool) -> Int {
    var next = index &+ 1
    while next < count, (share(next) > 1) != isHeavy { next &+= 1 }
    return next
  }

  func put(_ column: Int, _ chance: Double, _ other: Int) {
    accept[column] = chance
    alias[column] = Int64(other)
  }

  func fill() {
    var light = next(after: -1, isHeavy: false)
    var heavy = next(after: -1, isHeavy: true)
    // All are equal; rounding may have made them a little less than the mean.
    var filler = heavy < count ? heavy : 0
    var rest = heavy < count ? share(heavy) : 0
    while heavy < count {
      if rest > 1 {
        if light == count { break }
        put(light, share(light), heavy)
        rest -= 1 - share(light)
        light = next(after: light, isHeavy: false)
      } else {
        let following = next(after: heavy, isHeavy: true)
        if following == count { break }
        put(heavy, rest, following)
        rest = share(following) - (1 - rest)
        heavy = following
        filler = following
      }
    }
    // Only rounding leaves columns that the others can't fill.
    while heavy < count {
      put(heavy, 1, heavy)
      heavy = next(after: heavy, isHeavy: true)
    }
    while light < count {
      put(light, share(light), filler)
      light = next(after: light, isHeavy: false)
    }
  }
}
