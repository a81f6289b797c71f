import CSwiftOpt

/// What is to be done with an augmentation's type.
protocol AugmentationVisitor {
  mutating func visit<Operation: Augmentation>(_ operation: Operation.Type)
}

/// Calls `visitor` with the augmentation that has number `id`; false if none has. One line per
/// augmentation: names identify them, numbers may change with a release.
@inline(__always)
func visitAugmentation<Visitor: AugmentationVisitor>(_ id: Int, _ visitor: inout Visitor) -> Bool {
  switch id {
  case 0: visitor.visit(RandomCrop.self)
  case 1: visitor.visit(CenterCrop.self)
  case 2: visitor.visit(Resize.self)
  case 3: visitor.visit(RandomHorizontalFlip.self)
  case 4: visitor.visit(RandomVerticalFlip.self)
  case 5: visitor.visit(RandomAffine.self)
  case 6: visitor.visit(RandomRotation.self)
  case 7: visitor.visit(RandomResizedCrop.self)
  case 8: visitor.visit(ColorJitter.self)
  case 9: visitor.visit(RandomErasing.self)
  case 10: visitor.visit(Cutout.self)
  case 11: visitor.visit(GaussianNoise.self)
  case normalizeNumber: visitor.visit(Normalize.self)
  case choiceNumber: visitor.visit(RandomChoice.self)
  case 14: visitor.visit(RandAugment.self)
  case mixupNumber: visitor.visit(Mixup.self)
  case cutMixNumber: visitor.visit(CutMix.self)
  default: return false
  }
  return true
}

/// Those that a program treats in a way of their own.
let normalizeNumber = 12
let choiceNumber = 13
let mixupNumber = 15
let cutMixNumber = 16

extension so_augmentation_description {
  /// Of the augmentation with this number; nil if there is none.
  public static func at(_ id: Int) -> so_augmentation_description? {
    var description = so_augmentation_description()
    let isThere = withUnsafeMutablePointer(to: &description) { raw in
      var visitor = Describing(description: AugmentationDescription(raw: raw))
      return visitAugmentation(id, &visitor)
    }
    return isThere ? description : nil
  }
}

private struct Describing: AugmentationVisitor {
  let description: AugmentationDescription

  mutating func visit<Operation: Augmentation>(_ operation: Operation.Type) {
    operation.describe(description)
  }
}
