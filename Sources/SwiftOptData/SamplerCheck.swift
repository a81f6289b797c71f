import CSwiftOpt

/// Largest number of samples and of positions: beyond it, numbers wouldn't fit a random counter.
private let mostSamples: Int64 = 1 << 48
private let mostRanks: Int64 = 1 << 20

extension so_sampler {
  /// What the arrays hold is checked where it is used: their owner may change it at any time.
  public func check() throws(DataProblem) {
    guard kind >= 0, kind <= Int32(SO_SAMPLER_LISTED) else {
      throw bad("kind", Double(kind), "one of the SO_SAMPLER_...")
    }
    guard sample_count >= 1, sample_count <= mostSamples else {
      throw bad("sample_count", Double(sample_count), "in 1 ... 2^48")
    }
    guard length >= 1, length <= mostSamples else {
      throw bad("length", Double(length), "in 1 ... 2^48")
    }
    guard world >= 1, world <= mostRanks else {
      throw bad("world", Double(world), "in 1 ... 2^20")
    }
    guard rank >= 0, rank < world else {
      throw bad("rank", Double(rank), "at least 0 and less than world")
    }
    switch kind {
    case SO_SAMPLER_WEIGHTED:
      if accept == nil { throw .text("sampler.accept is NULL") }
      if alias == nil { throw .text("sampler.alias is NULL") }
    case SO_SAMPLER_LISTED:
      if listed == nil { throw .text("sampler.listed is NULL") }
    default:
      guard length == sample_count else {
        throw bad("length", Double(length), "sample_count with this kind")
      }
    }
  }

  private func bad(_ field: StaticString, _ value: Double, _ must: StaticString) -> DataProblem {
    .number(what: "sampler", field: field, value: value, must: must)
  }
}
