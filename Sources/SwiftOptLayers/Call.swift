import CSwiftOpt
import SwiftOptShims

/// A call that was checked: every array has the elements that the plan says, and what is
/// written overlaps nothing that it may not.
struct LayerCall<Element: LayerElement> {
  typealias Number = Element.Number

  let raw: UnsafePointer<so_layer_call>
  let matrix: UnsafePointer<so_matrix_functions>

  @inline(__always)
  func size(_ index: Int) -> Int { Int(so_layer_size_at(raw, Int64(index))) }

  @inline(__always)
  func setting(_ index: Int) -> Double { so_layer_setting_at(raw, Int64(index)) }

  @inline(__always)
  func flag(_ index: Int) -> Bool { setting(index) != 0 }

  @inline(__always)
  func dtype(_ array: Int) -> so_dtype { so_layer_array_at(raw, Int64(array)).pointee.dtype }

  @inline(__always)
  func data(_ array: Int) -> UnsafeMutableRawPointer? {
    so_layer_array_at(raw, Int64(array)).pointee.data
  }

  /// The array's elements as what they are; nil if it is optional and wasn't given.
  @inline(__always)
  func optional<Stored>(_ array: Int, _ type: Stored.Type) -> UnsafeMutablePointer<Stored>? {
    data(array).map { $0.assumingMemoryBound(to: type) }
  }

  /// An array of kind `.value`. Only an array without elements may lack an address; then
  /// nothing is read from this one.
  @inline(__always)
  func values(_ array: Int) -> UnsafeMutablePointer<Element> { given(array, Element.self) }

  /// An array of kind `.number`.
  @inline(__always)
  func numbers(_ array: Int) -> UnsafeMutablePointer<Number> { given(array, Number.self) }

  /// An array of kind `.sum`.
  @inline(__always)
  func sums(_ array: Int) -> UnsafeMutablePointer<Double> { given(array, Double.self) }

  /// An array of kind `.random`.
  @inline(__always)
  func random(_ array: Int) -> UnsafeMutablePointer<UInt64> { given(array, UInt64.self) }

  @inline(__always)
  private func given<Stored>(_ array: Int, _ type: Stored.Type) -> UnsafeMutablePointer<Stored> {
    (data(array) ?? UnsafeMutableRawPointer(mutating: UnsafeRawPointer(raw)))
      .assumingMemoryBound(to: type)
  }

  /// Element `position` of an array of kind `.index`.
  @inline(__always)
  func index(_ array: Int, at position: Int) -> Int {
    switch dtype(array) {
    case so_dtype(SO_UINT8): Int(given(array, UInt8.self)[position])
    case so_dtype(SO_INT32): Int(given(array, Int32.self)[position])
    default: Int(given(array, Int64.self)[position])
    }
  }

  /// The workspace that the plan asked for, aligned to 64.
  @inline(__always)
  var workspace: UnsafeMutableRawPointer {
    raw.pointee.workspace ?? UnsafeMutableRawPointer(mutating: UnsafeRawPointer(raw))
  }
}

/// What `run` returns when nothing went wrong.
let ranWell: Int32 = -1
