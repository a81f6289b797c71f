/// `count` of the augmentations that follow it, drawn without replacement and applied in the
/// order of the list. Of the r that are left, draw k takes number ⌊r · u⌋ with word k mod 4 of
/// block ⌊k / 4⌋.
enum RandomChoice: Augmentation {
  static func describe(_ description: AugmentationDescription) {
    description.name("random_choice", .choice)
    description.setting("count", 1, 64, isWhole: true)
    description.setting("choices", 1, 64, isWhole: true)
  }

  static func settingCount(channels: Int) -> Int { 2 }

  static func check(_ settings: Settings, _ size: inout ImageSize) throws(DataProblem) {
    try settings.require(
      settings[0] <= settings[1], 0, "count", mustBe: "no more than there are augmentations")
  }

  /// The executor asks for `chosen`.
  static func apply(_ settings: Settings, _ draws: Draws, _ canvas: inout Canvas) {}

  /// A bit for each of the choices.
  static func chosen(_ settings: Settings, _ draws: Draws) -> UInt64 {
    let (count, choices) = (settings.whole(0), settings.whole(1))
    var chosen: UInt64 = 0
    for draw in 0..<count {
      let random = draws.block(draw >> 2)
      let words = (random.word0, random.word1, random.word2, random.word3)
      let word =
        draw & 3 == 0 ? words.0 : (draw & 3 == 1 ? words.1 : (draw & 3 == 2 ? words.2 : words.3))
      var left = word.below(choices &- draw)
      var choice = 0
      while choice < choices {
        if chosen >> UInt64(choice) & 1 == 0 {
          if left == 0 { break }
          left &-= 1
        }
        choice &+= 1
      }
      chosen |= 1 &<< UInt64(choice)
    }
    return chosen
  }
}
