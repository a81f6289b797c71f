import CSwiftOpt
import TestSupport

/// The numbers in a plan's memory.
extension TestPlan {
  func parameter(_ index: Int) -> [Double] {
    read(index, tensors[index].parameter, shapes[index].dtype)
  }

  /// Also what starts at the parameter: a master, an average, some slots.
  func setParameter(_ index: Int, _ values: [Double]) {
    let tensor = tensors[index]
    let shape = shapes[index]
    StoredNumbers.write(values, tensor.parameter!, shape.dtype)
    let stored = parameter(index)
    if let master = tensor.master {
      StoredNumbers.write(stored, UnsafeMutableRawPointer(master), so_dtype(SO_FLOAT32))
    }
    if let average = tensor.average { StoredNumbers.write(stored, average, shape.computation) }
    for (index, slot) in settings.optimizer.slots.enumerated() where slot.starts_as_parameter != 0 {
      if let data = tensor.slot(index) { StoredNumbers.write(stored, data, shape.slotDtype(index)) }
    }
  }

  func gradient(_ index: Int) -> [Double] {
    read(index, tensors[index].gradient, tensors[index].gradient_dtype)
  }

  func setGradient(_ index: Int, _ values: [Double]) {
    StoredNumbers.write(
      values, UnsafeMutableRawPointer(mutating: tensors[index].gradient!),
      tensors[index].gradient_dtype)
  }

  func scalars(_ index: Int) -> [Double] {
    StoredNumbers.read(
      tensors[index].scalars, settings.optimizer.scalars.count, so_dtype(SO_FLOAT64))
  }

  /// A slot that is not in blocks.
  func slot(_ index: Int, _ slot: Int) -> [Double] {
    read(index, tensors[index].slot(slot), tensors[index].slotArray(slot).dtype)
  }

  func master(_ index: Int) -> [Double] {
    read(index, tensors[index].master.map { UnsafeRawPointer($0) }, so_dtype(SO_FLOAT32))
  }

  func compensation(_ index: Int) -> [Double] {
    read(index, tensors[index].compensation, shapes[index].dtype)
  }

  func average(_ index: Int) -> [Double] {
    read(index, tensors[index].average, shapes[index].computation)
  }

  func copy(_ index: Int) -> [Double] {
    read(index, tensors[index].copy, tensors[index].copy_dtype)
  }

  func accumulator(_ index: Int) -> [Double] {
    read(index, tensors[index].accumulator, shapes[index].computation)
  }

  private func read(_ index: Int, _ base: UnsafeRawPointer?, _ dtype: so_dtype) -> [Double] {
    StoredNumbers.read(base, shapes[index].count, dtype)
  }

  private func read(_ index: Int, _ base: UnsafeMutableRawPointer?, _ dtype: so_dtype) -> [Double] {
    read(index, base.map { UnsafeRawPointer($0) }, dtype)
  }
}
