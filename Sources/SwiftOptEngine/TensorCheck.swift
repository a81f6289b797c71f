import CSwiftOpt
import SwiftOptOptimizers

/// What has to be right about one tensor before anything may touch it.
extension so_tensor {
  func countProblem(_ index: Int) -> Problem? {
    guard count >= 0, count <= Int64.max / 64 else {
      return .tensor(index, "count is negative or too large")
    }
    guard rows >= 0, columns >= 0, (rows == 0) == (columns == 0) else {
      return .tensor(index, "rows and columns must be both 0 or both greater")
    }
    if rows > 0 {
      let (size, overflow) = rows.multipliedReportingOverflow(by: columns)
      guard !overflow, count > 0, count % size == 0 else {
        return .tensor(index, "rows * columns must divide count")
      }
    }
    guard units >= 1, units <= .max / 64, count % units == 0 else {
      return .tensor(index, "units must be at least 1 and divide count")
    }
    return nil
  }

  func problem(_ index: Int, _ description: DescriptionPointer, groupCount: Int32) -> Problem? {
    guard let size = elementSize(parameter_dtype) else {
      return .dtype(index, "parameter_dtype is unknown")
    }
    if let problem = countProblem(index) { return problem }
    guard group >= 0, group < groupCount else {
      return .tensor(index, "group is not the index of a group")
    }
    guard let scalars else { return .tensor(index, "scalars is NULL") }
    guard UInt(bitPattern: scalars) & 7 == 0 else {
      return .tensor(index, "scalars is not aligned to 8 bytes")
    }
    guard parameter != nil || count == 0 else { return .tensor(index, "parameter is NULL") }
    guard isAligned(parameter, size) else {
      return .tensor(index, "parameter is not aligned to its element size")
    }
    guard rounding == SO_ROUND_NEAREST || rounding == SO_ROUND_STOCHASTIC else {
      return .tensor(index, "rounding is unknown")
    }
    guard accumulates == 0 || accumulates == 1 else {
      return .tensor(index, "accumulates is not 0 or 1")
    }
    return precisionProblem(index, size) ?? otherProblem(index)
      ?? slotsProblem(index, description)
  }

  /// The arrays that keep what a low-precision parameter can't.
  private func precisionProblem(_ index: Int, _ size: Int) -> Problem? {
    guard master != nil || compensation != nil else { return nil }
    guard size == 2 else {
      return .tensor(index, "master and compensation are for float16 and bfloat16 parameters")
    }
    guard master == nil || compensation == nil else {
      return .tensor(index, "there is a master and a compensation; one of them is needed")
    }
    guard isAligned(master, 4), isAligned(compensation, 2) else {
      return .tensor(index, "master or compensation is not aligned to its element size")
    }
    return nil
  }

  private func otherProblem(_ index: Int) -> Problem? {
    let width = computationDtype == SO_FLOAT64 ? 8 : 4
    guard isAligned(average, width), isAligned(accumulator, width) else {
      return .tensor(index, "average or accumulator is not aligned to its element size")
    }
    guard let copy else { return nil }
    guard let size = elementSize(copy_dtype), size < 8 else {
      return .dtype(index, "copy_dtype must be float32, float16 or bfloat16")
    }
    guard isAligned(copy, size) else {
      return .tensor(index, "copy is not aligned to its element size")
    }
    return nil
  }

  private func slotsProblem(_ index: Int, _ description: DescriptionPointer) -> Problem? {
    for position in 0..<Int(SO_MAX_SLOTS) {
      let array = slot(position)
      let isKnown = position < description.pointee.slot_count
      guard isKnown || array.data == nil else {
        return .tensor(index, "more slots than the optimizer has")
      }
      guard isKnown else { continue }
      let slot = description.slot(position)
      guard slot.belongs(to: self) else {
        guard array.data == nil else {
          return .slot(index, slot.name, "is only for other shapes; it must be NULL")
        }
        continue
      }
      guard array.data != nil else {
        if slot.required_by < 0, count > 0 {
          return .slot(index, slot.name, "is NULL, and the optimizer needs it")
        }
        continue
      }
      guard slot.allows(array.dtype, computation: computationDtype) else {
        return .slotDtype(index, slot.name)
      }
      guard isAligned(array.data, elementSize(array.dtype) ?? 1), isAligned(array.scales, 4)
      else { return .slot(index, slot.name, "is not aligned to its element size") }
      guard !isBlock8(array.dtype) || array.scales != nil || count == 0 else {
        return .slot(index, slot.name, "has 8-bit blocks and no scales")
      }
    }
    return nil
  }

  private func isAligned(_ pointer: UnsafeMutableRawPointer?, _ size: Int) -> Bool {
    UInt(bitPattern: pointer) & UInt(size &- 1) == 0
  }

  private func isAligned(_ pointer: UnsafeMutablePointer<Float>?, _ size: Int) -> Bool {
    UInt(bitPattern: pointer) & UInt(size &- 1) == 0
  }

  /// Calls `body` with every array that a step may write, and its size in bytes.
  func writtenArrays(
    _ description: DescriptionPointer, _ body: (TensorArray, UnsafeRawPointer, Int) -> Void
  ) {
    func visit(_ array: TensorArray, _ pointer: UnsafeRawPointer?, _ bytes: Int) {
      if let pointer, bytes > 0 { body(array, pointer, bytes) }
    }
    let elements = Int(count)
    let width = computationDtype == SO_FLOAT64 ? 8 : 4
    visit(.parameter, parameter, elements * (elementSize(parameter_dtype) ?? 0))
    for position in 0..<Int(description.pointee.slot_count) {
      let array = slot(position)
      let stored = count(of: description.slot(position))
      visit(
        TensorArray(rawValue: Int32(position))!, array.data,
        stored * (elementSize(array.dtype) ?? 1))
      if isBlock8(array.dtype) {
        let blocks = (stored + Int(SO_BLOCK_ELEMENTS) - 1) / Int(SO_BLOCK_ELEMENTS)
        visit(TensorArray(rawValue: Int32(position) + 4)!, array.scales, blocks * 4)
      }
    }
    visit(.scalars, scalars, Int(description.pointee.scalar_count) * 8)
    visit(.master, master, elements * 4)
    visit(.compensation, compensation, elements * 2)
    visit(.average, average, elements * width)
    visit(.copy, copy, elements * (elementSize(copy_dtype) ?? 0))
    visit(.accumulator, accumulator, elements * width)
  }
}
