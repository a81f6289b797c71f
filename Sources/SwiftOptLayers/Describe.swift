import CSwiftOpt
import SwiftOptShims

/// Which dtypes an array may have: see swiftopt.h.
enum ArrayKind {
  case value, number, index, random, any, sum

  @inline(__always)
  var code: Int32 {
    switch self {
    case .value: Int32(SO_LAYER_VALUE)
    case .number: Int32(SO_LAYER_NUMBER)
    case .index: Int32(SO_LAYER_INDEX)
    case .random: Int32(SO_LAYER_RANDOM)
    case .any: Int32(SO_LAYER_ANY)
    case .sum: Int32(SO_LAYER_SUM)
    }
  }
}

/// Writes an `so_layer_description`. Arrays, sizes and settings get their numbers in the
/// order in which they are named here. A name that doesn't fit is left out, and the test that
/// compares descriptions notices.
struct LayerDescription {
  let raw: UnsafeMutablePointer<so_layer_description>

  func name(_ name: StaticString, usesProducts: Bool = false) {
    raw.pointee.name = literal(name)
    raw.pointee.uses_products = usesProducts ? 1 : 0
  }

  func input(_ name: StaticString, _ kind: ArrayKind = .value, optional: Bool = false) {
    array(name, kind, Int32(SO_LAYER_INPUT), optional, -1)
  }

  /// `mayBe` is the number of an input that the output may coincide with.
  func output(
    _ name: StaticString, _ kind: ArrayKind = .value, optional: Bool = false, mayBe: Int32 = -1
  ) {
    array(name, kind, Int32(SO_LAYER_OUTPUT), optional, mayBe)
  }

  func updated(_ name: StaticString, _ kind: ArrayKind = .value, optional: Bool = false) {
    array(name, kind, Int32(SO_LAYER_UPDATED), optional, -1)
  }

  func size(_ name: StaticString) {
    let index = raw.pointee.size_count
    guard index < Int32(SO_LAYER_MAX_SIZES) else { return }
    so_layer_describe_size(raw, Int64(index), literal(name))
    raw.pointee.size_count = index &+ 1
  }

  /// A number in `minimum ... maximum`, or in `minimum ..< maximum` if `isOpen`.
  func setting(
    _ name: StaticString, _ value: Double, minimum: Double = -.infinity,
    maximum: Double = .infinity, isOpen: Bool = false, isFlag: Bool = false
  ) {
    let index = raw.pointee.setting_count
    guard index < Int32(SO_LAYER_MAX_SETTINGS) else { return }
    so_layer_described_setting(raw, Int64(index)).pointee = so_hyperparameter(
      name: literal(name), default_value: value, minimum: minimum, maximum: maximum,
      maximum_is_open: isOpen ? 1 : 0, is_flag: isFlag ? 1 : 0)
    raw.pointee.setting_count = index &+ 1
  }

  func flag(_ name: StaticString, _ isSet: Bool = false) {
    setting(name, isSet ? 1 : 0, minimum: 0, maximum: 1, isFlag: true)
  }

  private func array(
    _ name: StaticString, _ kind: ArrayKind, _ role: Int32, _ optional: Bool, _ mayBe: Int32
  ) {
    let index = raw.pointee.array_count
    guard index < Int32(SO_LAYER_MAX_ARRAYS) else { return }
    so_layer_described_array(raw, Int64(index)).pointee = so_layer_array_description(
      name: literal(name), kind: kind.code, role: role, is_optional: optional ? 1 : 0,
      may_be: mayBe)
    raw.pointee.array_count = index &+ 1
  }
}

/// A literal as C has it. Literals live as long as the program.
@inline(__always)
func literal(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
