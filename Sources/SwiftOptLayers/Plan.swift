import CSwiftOpt
import SwiftOptShims

/// From a call's sizes to the number of elements of every array, before any memory is looked
/// at. A product that overflows is caught; sizes are known to be in 0 ... 2^40.
struct LayerPlan {
  let raw: UnsafeMutablePointer<so_layer_plan>
  let call: UnsafePointer<so_layer_call>
  let matrix: UnsafePointer<so_matrix_functions>

  @inline(__always)
  func size(_ index: Int) -> Int { Int(so_layer_size_at(call, Int64(index))) }

  @inline(__always)
  func setting(_ index: Int) -> Double { so_layer_setting_at(call, Int64(index)) }

  /// Whether the optional array was given.
  func has(_ array: Int) -> Bool {
    so_layer_array_at(call, Int64(array)).pointee.data != nil
  }

  /// Bytes of one element of the arrays of kind `.value`, and of kind `.number`.
  var valueBytes: Int {
    raw.pointee.dtype == SO_FLOAT64 ? 8 : raw.pointee.dtype == SO_FLOAT32 ? 4 : 2
  }
  var numberBytes: Int { raw.pointee.dtype == SO_FLOAT64 ? 8 : 4 }

  /// Array number `array` has the product of these as elements.
  func count(_ array: Int, _ a: Int, _ b: Int = 1, _ c: Int = 1, _ d: Int = 1) {
    so_layer_set_count(raw, Int64(array), Int64(product(a, b, c, d)))
  }

  /// The call needs so many bytes of workspace, which is aligned to 64.
  func workspace(_ a: Int, _ b: Int = 1, _ c: Int = 1, _ d: Int = 1) {
    raw.pointee.workspace_size = Int64(product(a, b, c, d))
  }

  /// Size number `size` can't be what it is; `must` says what it must be.
  func fault(size: Int, _ must: StaticString) {
    guard raw.pointee.fault == nil else { return }
    raw.pointee.fault_size = Int32(truncatingIfNeeded: size)
    raw.pointee.fault = literal(must)
  }

  /// Size number `size` must be at least 1.
  func positive(_ size: Int) {
    if self.size(size) < 1 { fault(size: size, "at least 1") }
  }

  /// The product, or 0 and a fault if it is beyond 2^50.
  func product(_ a: Int, _ b: Int, _ c: Int = 1, _ d: Int = 1) -> Int {
    let (ab, firstOverflow) = a.multipliedReportingOverflow(by: b)
    let (cd, secondOverflow) = c.multipliedReportingOverflow(by: d)
    let (all, overflow) = ab.multipliedReportingOverflow(by: cd)
    if firstOverflow || secondOverflow || overflow || all > 1 << 50 {
      fault(size: 0, "such that no array has more than 2^50 elements")
      return 0
    }
    return all
  }
}
