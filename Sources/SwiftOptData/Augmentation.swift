import CSwiftOpt
import SwiftOptShims

/// One augmentation: its settings, what it does to the size of an image, and to an image.
protocol Augmentation {
  static func describe(_ description: AugmentationDescription)
  /// How many numbers its settings are for images of so many channels.
  static func settingCount(channels: Int) -> Int
  /// Throws if settings that are within their bounds don't go together, or with the image, and
  /// sets the size that the image has afterwards.
  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem)
  /// What it shows outside of the image; nil if it stays inside.
  static func fill(_ settings: Settings) -> Double?
  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas)
}

extension Augmentation {
  static func fill(_ settings: Settings) -> Double? { nil }
  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem) {}
}

/// An augmentation that mixes two images of a batch.
protocol MixingAugmentation: Augmentation {
  static func mix<Pixel: MixedPixel>(
    _ settings: Settings, _ draws: Draws, _ first: UnsafeMutablePointer<Pixel>,
    _ second: UnsafeMutablePointer<Pixel>, _ size: ImageSize
  ) -> Double
}

extension MixingAugmentation {
  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {}
}

struct ImageSize {
  var height: Int
  var width: Int
  let channels: Int
}

/// The numbers of one augmentation in a program.
struct Settings {
  let numbers: UnsafePointer<Double>
  /// Of the augmentation, for messages.
  let index: Int

  @inline(__always)
  subscript(_ setting: Int) -> Double { numbers[setting] }

  /// A setting whose bounds make it a whole number of moderate size.
  @inline(__always)
  func whole(_ setting: Int) -> Int { Int(numbers[setting]) }

  func require(
    _ condition: Bool, _ setting: Int, _ name: StaticString, mustBe: StaticString
  ) throws(DataProblem) {
    if !condition {
      throw .entry(
        what: "augment", index: index, field: name, value: numbers[setting], must: mustBe)
    }
  }
}

/// Writes an `so_augmentation_description`. Settings are numbered as they are named here.
struct AugmentationDescription {
  let raw: UnsafeMutablePointer<so_augmentation_description>

  enum Kind {
    case geometric, pixel, choice, mixing

    fileprivate var code: Int32 {
      switch self {
      case .geometric: Int32(SO_AUGMENTATION_GEOMETRIC)
      case .pixel: Int32(SO_AUGMENTATION_PIXEL)
      case .choice: Int32(SO_AUGMENTATION_CHOICE)
      case .mixing: Int32(SO_AUGMENTATION_MIXING)
      }
    }
  }

  func name(_ name: StaticString, _ kind: Kind) {
    raw.pointee.name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    raw.pointee.kind = kind.code
  }

  /// A number from `minimum` to `maximum`.
  func setting(
    _ name: StaticString, _ minimum: Double, _ maximum: Double, isWhole: Bool = false,
    isAbove: Bool = false, perChannel: Bool = false
  ) {
    let index = raw.pointee.setting_count
    guard index < Int32(SO_AUGMENTATION_MAX_SETTINGS) else { return }
    so_augmentation_described_setting(raw, index).pointee = so_augmentation_setting(
      name: UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
      minimum: minimum, maximum: maximum, minimum_is_open: isAbove ? 1 : 0,
      is_whole: isWhole ? 1 : 0, per_channel: perChannel ? 1 : 0, reserved: 0)
    raw.pointee.setting_count = index &+ 1
  }

  /// Height and width of what comes out.
  func size() {
    setting("height", 1, mostPixelsOfASide, isWhole: true)
    setting("width", 1, mostPixelsOfASide, isWhole: true)
  }

  /// Any finite number.
  func number(_ name: StaticString) {
    setting(name, -Double.infinity, Double.infinity)
  }

  func probability(_ name: StaticString = "p") { setting(name, 0, 1) }
}

let mostPixelsOfASide = 32768.0
