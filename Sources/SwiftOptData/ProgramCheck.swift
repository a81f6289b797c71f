import CSwiftOpt
import SwiftOptShims

/// Goes through the numbers of a program once.
struct ProgramCheck {
  private let numbers: UnsafePointer<Double>
  private let length: Int
  private let channels: Int
  private var position = 0
  private var pixelCount = 0
  private var fill: Double?
  private var fillsDiffer = false
  /// Choices of the open list that are still to come.
  private var choicesLeft = 0
  /// A `Normalize` that nothing has come after.
  private var normalize: (start: Int, settings: Settings)?

  init(_ numbers: UnsafePointer<Double>, _ length: Int, _ channels: Int) {
    self.numbers = numbers
    self.length = length
    self.channels = channels
  }

  mutating func run(_ steps: inout ProgramSteps) throws(DataProblem) {
    steps.end = length
    while position < length {
      guard steps.count < Int(SO_AUGMENTATION_MAX_COUNT) else {
        throw .text("augment: a program has at most 4096 augmentations")
      }
      try checkNext(&steps)
      steps.count &+= 1
    }
    guard choicesLeft == 0 else { throw .text("augment: the program ends before its choices do") }
    if let normalize {
      steps.normalize = Normalize.Numbers(settings: normalize.settings, channels: channels)
      steps.end = normalize.start
      pixelCount &-= 1
    }
    steps.usesBuffers = pixelCount > 0 || fillsDiffer
  }

  private mutating func checkNext(_ steps: inout ProgramSteps) throws(DataProblem) {
    let (start, index) = (position, steps.count)
    guard let id = wholeNumber(numbers[start], upTo: 1000),
      let description = so_augmentation_description.at(id)
    else {
      throw .entry(
        what: "augment", index: index, field: "number", value: numbers[start],
        must: "that of an augmentation")
    }
    guard steps.mixing == nil else {
      throw .item(what: "augment", index: index, text: "nothing can come after mixup or cutmix")
    }
    let settings = Settings(numbers: numbers + start + 1, index: index)
    position &+= 1
    for setting in 0..<description.setting_count {
      try checkBounds(description.setting(setting), id, setting, index)
    }
    var check = Checking(settings: settings, size: steps.size)
    _ = visitAugmentation(id, &check)
    if let problem = check.problem { throw problem }
    let kind = Int(description.kind)
    if choicesLeft > 0 {
      choicesLeft &-= 1
      guard kind != SO_AUGMENTATION_CHOICE, kind != SO_AUGMENTATION_MIXING,
        check.size.height == steps.size.height, check.size.width == steps.size.width
      else {
        throw .item(
          what: "augment", index: index,
          text: "a choice must not be a choice, mix images, or change their size")
      }
      normalize = nil
    } else if kind != SO_AUGMENTATION_MIXING {
      normalize = id == normalizeNumber ? (start, settings) : nil
    }
    switch kind {
    case SO_AUGMENTATION_GEOMETRIC:
      if let value = check.fill {
        fillsDiffer = fillsDiffer || (fill ?? value) != value
        fill = value
      }
    case SO_AUGMENTATION_MIXING:
      steps.mixing = (id, settings)
      steps.end = start
      steps.allowsBytes = steps.allowsBytes && id != mixupNumber
    default:
      if kind == SO_AUGMENTATION_CHOICE { choicesLeft = settings.whole(1) }
      pixelCount &+= 1
      steps.allowsBytes = false
    }
    try note(check.size, &steps)
  }

  private func note(_ size: ImageSize, _ steps: inout ProgramSteps) throws(DataProblem) {
    // So that numbers of pixels are Int32.
    guard size.height &* size.width &* channels < 1 << 31 else {
      throw .text("augment: an image must have less than 2^31 values")
    }
    steps.size = size
    if size.height &* size.width > steps.mostPixels { steps.mostPixels = size.height &* size.width }
    if size.width > steps.mostColumns { steps.mostColumns = size.width }
  }

  /// Checks one setting, which may be several numbers, by itself.
  private mutating func checkBounds(
    _ setting: so_augmentation_setting, _ id: Int, _ number: Int32, _ index: Int
  ) throws(DataProblem) {
    let end = position &+ (setting.per_channel != 0 ? channels : 1)
    guard end <= length else {
      throw .item(what: "augment", index: index, text: "the program ends before its settings do")
    }
    while position < end {
      let value = numbers[position]
      let isInside =
        value.isFinite && value <= setting.maximum
        && (setting.minimum_is_open != 0 ? value > setting.minimum : value >= setting.minimum)
      guard isInside, setting.is_whole == 0 || value == Double(Int(value)) else {
        throw .setting(index: index, augmentation: id, setting: number, value: value)
      }
      position &+= 1
    }
  }
}

private struct Checking: AugmentationVisitor {
  let settings: Settings
  var size: ImageSize
  var problem: DataProblem?
  /// What is shown outside of the image.
  var fill: Double?

  init(settings: Settings, size: ImageSize) {
    self.settings = settings
    self.size = size
  }

  mutating func visit<Operation: Augmentation>(_ operation: Operation.Type) {
    do throws(DataProblem) {
      try operation.check(settings, &size)
      fill = operation.fill(settings)
    } catch {
      problem = error
    }
  }
}

extension so_augmentation_description {
  /// One of its settings.
  public func setting(_ index: Int32) -> so_augmentation_setting {
    var copy = self
    return so_augmentation_described_setting(&copy, index).pointee
  }
}

/// A number of a program as the whole number in 0 ... most that it is; nil if it is none.
func wholeNumber(_ number: Double, upTo most: Int) -> Int? {
  guard number >= 0, number <= Double(most) else { return nil }
  let whole = Int(number)
  return Double(whole) == number ? whole : nil
}
