import CSwiftOpt

/// The augmentations of a program, checked; it borrows the program's numbers.
struct ProgramSteps {
  /// Augmentations, those of choices included.
  var count = 0
  /// Of the images that come out.
  var size: ImageSize
  var mostPixels: Int
  var mostColumns: Int
  /// Only geometric ones, and what exchanges pixels of a batch.
  var allowsBytes = true
  /// The image is more than read once.
  var usesBuffers = false
  /// The one that mixes.
  var mixing: (id: Int, settings: Settings)?
  /// A `Normalize` with nothing after it, which is left to the conversion of the output.
  var normalize: Normalize.Numbers?
  /// Where those begin, or the program ends.
  var end = 0
  fileprivate let numbers: UnsafePointer<Double>?

  /// Throws unless the numbers are a program for images of this size.
  init(_ numbers: UnsafePointer<Double>?, _ length: Int, _ size: ImageSize) throws(DataProblem) {
    self.numbers = numbers
    self.size = size
    (mostPixels, mostColumns) = (size.height &* size.width, size.width)
    guard length >= 0, length <= 65536, length == 0 || numbers != nil else {
      throw .text("augment: the program must be up to 65536 numbers")
    }
    if let numbers, length > 0 {
      var check = ProgramCheck(numbers, length, size.channels)
      try check.run(&self)
    }
  }

  /// All channels get the same when the image is written.
  var isUniform: Bool { normalize?.isUniform ?? true }

  /// Applies them all, but for what is done at the end.
  func run(_ key: SampleKey, _ canvas: inout Canvas) {
    guard let numbers else { return }
    var position = 0
    var index = 0
    while position < end {
      let id = Int(numbers[position])
      let settings = Settings(numbers: numbers + position + 1, index: index)
      let draws = Draws(canvas, index, key)
      position &+= 1 &+ apply(id, settings, draws, &canvas)
      index &+= 1
      if id == choiceNumber {
        runChoices(
          RandomChoice.chosen(settings, draws), settings.whole(1), numbers, &position, &index, key,
          &canvas)
      }
    }
  }

  /// Applies those of the `choices` at `position` whose bit is set, and steps over all.
  private func runChoices(
    _ chosen: UInt64, _ choices: Int, _ numbers: UnsafePointer<Double>, _ position: inout Int,
    _ index: inout Int, _ key: SampleKey, _ canvas: inout Canvas
  ) {
    for choice in 0..<choices {
      position &+=
        1
        &+ apply(
          Int(numbers[position]), Settings(numbers: numbers + position + 1, index: index),
          Draws(canvas, index, key), &canvas,
          isSkipped: chosen >> UInt64(truncatingIfNeeded: choice) & 1 == 0)
      index &+= 1
    }
  }
}

/// Applies one augmentation, and returns how many settings it has.
@inline(__always)
private func apply(
  _ id: Int, _ settings: Settings, _ draws: Draws, _ canvas: inout Canvas, isSkipped: Bool = false
) -> Int {
  withUnsafeMutablePointer(to: &canvas) { canvas in
    var step = Applying(settings: settings, draws: draws, canvas: canvas, isSkipped: isSkipped)
    _ = visitAugmentation(id, &step)
    return step.settingCount
  }
}

private struct Applying: AugmentationVisitor {
  let settings: Settings
  let draws: Draws
  let canvas: UnsafeMutablePointer<Canvas>
  let isSkipped: Bool
  var settingCount = 0

  init(
    settings: Settings, draws: Draws, canvas: UnsafeMutablePointer<Canvas>, isSkipped: Bool
  ) {
    self.settings = settings
    self.draws = draws
    self.canvas = canvas
    self.isSkipped = isSkipped
  }

  mutating func visit<Operation: Augmentation>(_ operation: Operation.Type) {
    settingCount = operation.settingCount(channels: canvas.pointee.channels)
    if !isSkipped { operation.apply(settings, draws, &canvas.pointee) }
  }
}

extension Draws {
  /// Those of the augmentation with this number.
  fileprivate init(_ canvas: borrowing Canvas, _ index: Int, _ key: SampleKey) {
    self.init(stream: canvas.scratch.streams[index], purpose: augmentationPurpose(index), key: key)
  }
}

func augmentationPurpose(_ index: Int) -> UInt32 { 16 &+ UInt32(truncatingIfNeeded: index) }
