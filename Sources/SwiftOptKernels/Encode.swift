import CSwiftOpt
import SwiftOptShims

/// Stores `values` as the run's dtype, rounded as the run says.
func encode(_ values: UnsafePointer<Float>, into run: so_stored) {
  guard run.isStochastic else {
    encode(values, into: run, RandomBits(words: nil, rotation: 0))
    return
  }
  run.forEachChunk(scratch: UInt32.self) { number, elements, words in
    let chunk = run.chunk(number, elements)
    fillRandom(words, chunk)
    encode(values + elements.lowerBound, into: chunk, RandomBits(words: words, rotation: 0))
  }
}

func encode(_ values: UnsafePointer<Double>, into run: so_stored) {
  guard run.isStochastic else {
    encode(values, into: run, RandomBits(words: nil, rotation: 0))
    return
  }
  run.forEachChunk(scratch: UInt32.self) { number, elements, words in
    let chunk = run.chunk(number, elements)
    fillRandom(words, chunk)
    encode(values + elements.lowerBound, into: chunk, RandomBits(words: words, rotation: 0))
  }
}

/// The same with random bits that the caller has: for each of the run's elements, if it is
/// rounded by chance.
func encode(_ values: UnsafePointer<Float>, into run: so_stored, _ random: RandomBits) {
  let count = Int(run.count)
  let halves = run.elements(UInt16.self)
  switch run.dtype {
  case SO_FLOAT32:
    let floats = run.elements(Float.self)
    for index in 0..<count { floats[index] = values[index] }
  case SO_FLOAT64:
    let doubles = run.elements(Double.self)
    for index in 0..<count { doubles[index] = Double(values[index]) }
  case SO_FLOAT16:
    if let words = random.words {
      for index in 0..<count {
        halves[index] = float16Stochastic(values[index], random.rotated(words[index]))
      }
    } else {
      for index in 0..<count { halves[index] = float16Nearest(values[index]) }
    }
  case SO_BFLOAT16:
    encodeBfloat16(values, count, random, into: halves)
  case SO_BLOCK8:
    encodeBlocks(values, run, random, SignedCode.self)
  default:
    encodeBlocks(values, run, random, UnsignedCode.self)
  }
}

/// Dtypes below float32 by way of `Float`. 8-bit codes and stochastic rounding see the nearest
/// one; rounding to the nearest float16 or bfloat16 happens once.
func encode(_ values: UnsafePointer<Double>, into run: so_stored, _ random: RandomBits) {
  let count = Int(run.count)
  switch run.dtype {
  case SO_FLOAT32:
    let floats = run.elements(Float.self)
    for index in 0..<count { floats[index] = Float(values[index]) }
  case SO_FLOAT64:
    let doubles = run.elements(Double.self)
    for index in 0..<count { doubles[index] = values[index] }
  default:
    let isRoundedAgain = random.words == nil && elementSize(run.dtype) == 2
    run.forEachChunk(scratch: Float.self) { number, elements, floats in
      let source = values + elements.lowerBound
      if isRoundedAgain {
        roundToOdd(source, elements.count, into: floats)
      } else {
        for index in 0..<elements.count { floats[index] = Float(source[index]) }
      }
      encode(floats, into: run.chunk(number, elements), random.from(elements.lowerBound))
    }
  }
}

func encode(_ values: UnsafeRawPointer, dtype: so_dtype, into run: so_stored) {
  if dtype == SO_FLOAT32 {
    encode(values.assumingMemoryBound(to: Float.self), into: run)
  } else {
    encode(values.assumingMemoryBound(to: Double.self), into: run)
  }
}

/// First as if all numbers were finite after rounding too, looking for one that isn't: only
/// then all again with care.
@inline(__always)
private func encodeBfloat16(
  _ values: UnsafePointer<Float>, _ count: Int, _ random: RandomBits,
  into halves: UnsafeMutablePointer<UInt16>
) {
  var greatest: Int32 = 0
  if let words = random.words {
    for index in 0..<count {
      let bits = values[index].bitPattern
      greatest = max(greatest, Int32(truncatingIfNeeded: bits & 0x7FFF_FFFF))
      halves[index] = UInt16(truncatingIfNeeded: (bits &+ random.upperHalf(words[index])) >> 16)
    }
    guard greatest > 0x7F7F_0000 else { return }
    for index in 0..<count {
      halves[index] = bfloat16Stochastic(values[index], random.rotated(words[index]))
    }
  } else {
    for index in 0..<count {
      let bits = values[index].bitPattern
      greatest = max(greatest, Int32(truncatingIfNeeded: bits & 0x7FFF_FFFF))
      halves[index] = UInt16(truncatingIfNeeded: (bits &+ nearestBfloat16(bits)) >> 16)
    }
    guard greatest > 0x7F80_0000 else { return }
    for index in 0..<count { halves[index] = bfloat16Nearest(values[index]) }
  }
}

extension so_stored {
  fileprivate var isStochastic: Bool { rounding == SO_ROUND_STOCHASTIC }
}

@inline(__always)
private func encodeBlocks<Code: BlockCode>(
  _ values: UnsafePointer<Float>, _ run: so_stored, _ random: RandomBits, _ code: Code.Type
) {
  guard let scales = run.scales else { return }
  run.forEachChunk { block, elements in
    let codes = run.elements(UInt8.self) + elements.lowerBound
    let values = values + elements.lowerBound
    let count = elements.count
    let scale = BlockScale(values, count)
    scales[block] = scale.number
    if !(scale.number > 0) {
      for index in 0..<count { codes[index] = 0 }
    } else if let words = random.from(elements.lowerBound).words {
      if scale.isPlain(code.least) {
        for index in 0..<count {
          codes[index] = code.stochasticAboveLeast(
            values[index], scale, random.rotated(words[index]))
        }
      } else {
        for index in 0..<count {
          codes[index] = code.stochastic(values[index], scale, random.rotated(words[index]))
        }
      }
    } else {
      for index in 0..<count { codes[index] = code.nearest(values[index], scale) }
    }
  }
}
