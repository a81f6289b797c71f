import CSwiftOpt
import TestSupport
import XCTest

/// Faults of tensors, as `makeFaultPlan` has them: 0 in float32, 1 in float64, 2 in bfloat16.

let countFaults: [Fault] = {
  var faults = [-1, Int64.min, .max, .max / 64 + 1].map { count in
    Fault("tensors[1]: count is negative or too large") { $0.tensors[1].count = count }
  }
  for (rows, columns): (Int64, Int64) in [(2, 0), (0, 3), (-2, -3), (.min, .min), (-1, 0)] {
    faults.append(
      Fault("tensors[2]: rows and columns must be both 0 or both greater") {
        ($0.tensors[2].rows, $0.tensors[2].columns) = (rows, columns)
      })
  }
  for (rows, columns): (Int64, Int64) in [
    (4, 1), (1, 7), (.max, .max), (1 << 32, 1 << 32), (.max, 2), (6, 2),
  ] {
    faults.append(
      Fault("tensors[2]: rows * columns must divide count") {
        ($0.tensors[2].rows, $0.tensors[2].columns) = (rows, columns)
      })
  }
  faults.append(
    Fault("tensors[2]: rows * columns must divide count") { $0.tensors[2].count = 0 })
  for units in [0, -1, 4, 7, Int64.max, .min] {
    faults.append(
      Fault("tensors[2]: units must be at least 1 and divide count") {
        $0.tensors[2].units = units
      })
  }
  faults.append(
    Fault("tensors[1]: units must be at least 1 and divide count") {
      ($0.tensors[1].count, $0.tensors[1].units) = (0, .max)
    })
  return faults
}()

let tensorFaults: [Fault] =
  countFaults + precisionFaults + slotFaults
  + [0, 5, 6, 7, -1, .max].map { dtype in
    Fault("tensors[1]: parameter_dtype is unknown", SO_INVALID_TYPE) {
      $0.tensors[1].parameter_dtype = dtype
    }
  }
  + [-1, 2, .max, .min].map { group in
    Fault("tensors[1]: group is not the index of a group") { $0.tensors[1].group = group }
  }
  + [-1, 2, .max].map { rounding in
    Fault("tensors[2]: rounding is unknown") { $0.tensors[2].rounding = rounding }
  }
  + [-1, 2, .min].map { accumulates in
    Fault("tensors[2]: accumulates is not 0 or 1") { $0.tensors[2].accumulates = accumulates }
  }
  + [
    Fault("tensors[0]: group is not the index of a group") {
      ($0.plan.group_count, $0.plan.groups) = (0, nil)
    },
    Fault("tensors[1]: scalars is NULL") { $0.tensors[1].scalars = nil },
    Fault("tensors[1]: scalars is not aligned to 8 bytes") {
      $0.tensors[1].scalars = shifted($0.tensors[1].scalars, -4)
    },
    Fault("tensors[1]: parameter is NULL") { $0.tensors[1].parameter = nil },
    Fault("tensors[0]: parameter is not aligned to its element size") {
      $0.tensors[0].parameter = shifted($0.tensors[0].parameter, -2)
    },
    Fault("tensors[1]: parameter is not aligned to its element size") {
      $0.tensors[1].parameter = shifted($0.tensors[1].parameter, -4)
    },
    Fault("tensors[2]: parameter is not aligned to its element size") {
      $0.tensors[2].parameter = shifted($0.tensors[2].parameter, -1)
    },
  ]

/// Faults of what else belongs to a parameter.
private let precisionFaults: [Fault] = {
  var faults: [Fault] = []
  for index in [0, 1] {
    let fault = "tensors[\(index)]: master and compensation are for float16 and bfloat16 parameters"
    faults += [
      Fault(fault) { $0.tensors[index].master = $0.tensors[2].master },
      Fault(fault) { $0.tensors[index].compensation = $0.block(byteCount: 16).raw },
    ]
  }
  for dtype in [0, 2, 5, 6, -1] as [Int32] {
    faults.append(
      Fault("tensors[2]: copy_dtype must be float32, float16 or bfloat16", SO_INVALID_TYPE) {
        $0.tensors[2].copy_dtype = dtype
      })
  }
  let precise = "tensors[2]: master or compensation is not aligned to its element size"
  let other = "average or accumulator is not aligned to its element size"
  return faults + [
    Fault("tensors[2]: there is a master and a compensation; one of them is needed") {
      $0.tensors[2].compensation = $0.block(byteCount: 16).raw
    },
    Fault(precise) { $0.tensors[2].master = shifted($0.tensors[2].master, -2) },
    Fault(precise) {
      $0.tensors[2].master = nil
      $0.tensors[2].compensation = $0.block(byteCount: 16).raw + 1
    },
    Fault("tensors[2]: \(other)") {
      $0.tensors[2].average = shifted($0.tensors[2].average, -2)
    },
    Fault("tensors[2]: \(other)") {
      $0.tensors[2].accumulator = shifted($0.tensors[2].accumulator, -1)
    },
    Fault("tensors[1]: \(other)") { $0.tensors[1].average = $0.block(byteCount: 32).raw + 4 },
    Fault("tensors[1]: \(other)") { $0.tensors[1].accumulator = $0.block(byteCount: 32).raw + 4 },
    Fault("tensors[2]: copy is not aligned to its element size") {
      $0.tensors[2].copy = shifted($0.tensors[2].copy, -1)
    },
    Fault("tensors[0]: copy is not aligned to its element size") {
      $0.tensors[0].copy = $0.block(byteCount: 32).raw + 2
      $0.tensors[0].copy_dtype = so_dtype(SO_FLOAT32)
    },
  ]
}()

/// Faults of slots: AdamW's first may be negative, its second not, and its third is for amsgrad.
private let slotFaults: [Fault] = {
  var faults: [Fault] = []
  let kinds: [(slot: Int, name: String, dtypes: [Int])] = [
    (0, "exp_avg", [SO_BLOCK8_UNSIGNED, 0, 7, -1]),
    (1, "exp_avg_sq", [SO_FLOAT16, SO_BLOCK8, 0, 7, -1]),
  ]
  for (slot, name, dtypes) in kinds {
    for dtype in dtypes {
      faults.append(
        Fault("tensors[2]: its \(name) has a dtype that it can't be stored in", SO_INVALID_TYPE) {
          $0.tensors[2].changeSlot(slot) { $0.dtype = so_dtype(dtype) }
        })
    }
    faults += [
      Fault("tensors[1]: its \(name) is NULL, and the optimizer needs it") {
        $0.tensors[1].setSlot(slot, nil)
      },
      Fault("tensors[1]: its \(name) is not aligned to its element size") {
        $0.tensors[1].setSlot(slot, shifted($0.tensors[1].slot(slot), -4))
      },
      Fault("tensors[2]: its \(name) is not aligned to its element size") {
        $0.tensors[2].changeSlot(slot) { $0.scales = shifted($0.scales, -2) }
      },
      Fault("tensors[2]: its \(name) has 8-bit blocks and no scales") {
        $0.tensors[2].changeSlot(slot) { $0.scales = nil }
      },
    ]
  }
  return faults + [
    Fault("tensors[1]: its max_exp_avg_sq is not aligned to its element size") {
      $0.tensors[1].changeSlot(2) {
        ($0.data, $0.dtype) = (UnsafeMutableRawPointer(bitPattern: 1), so_dtype(SO_FLOAT64))
      }
    },
    Fault("tensors[1]: its max_exp_avg_sq has a dtype that it can't be stored in", SO_INVALID_TYPE)
    {
      $0.tensors[1].setSlot(2, $0.block(byteCount: 24).raw)
    },
    Fault("tensors[1]: more slots than the optimizer has") {
      $0.tensors[1].setSlot(3, $0.block(byteCount: 24).raw)
    },
  ]
}()
