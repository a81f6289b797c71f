import CSwiftOpt

/// What a test wants to be different about a tensor.
struct TensorShape {
  var count: Int
  var dtype = so_dtype(SO_FLOAT32)
  var gradientDtype = so_dtype(SO_FLOAT32)
  var group = 0
  /// How the slots are stored, the first one's dtype first; those beyond, as the computation
  /// has them.
  var slotDtypes: [Int] = []
  var hasMaster = false
  var hasCompensation = false
  var hasAverage = false
  var hasAccumulator = false
  var copyDtype: Int?
  var rounding = SO_ROUND_NEAREST
  var rows = 0
  var columns = 0
  var units = 1

  /// A tensor whose parameter and gradient are both of `dtype`.
  init(_ count: Int, dtype: Int = SO_FLOAT32, group: Int = 0) {
    self.init(count, dtype: dtype, gradientDtype: dtype, group: group)
  }

  init(_ count: Int, dtype: Int, gradientDtype: Int, group: Int = 0) {
    (self.count, self.dtype, self.gradientDtype) = (count, so_dtype(dtype), so_dtype(gradientDtype))
    self.group = group
  }

  func with(_ change: (inout TensorShape) -> Void) -> TensorShape {
    var shape = self
    change(&shape)
    return shape
  }

  var computation: so_dtype {
    dtype == so_dtype(SO_FLOAT64) ? dtype : so_dtype(SO_FLOAT32)
  }

  /// Elements of a slot, nil if a tensor of this shape doesn't have it.
  func count(of slot: so_slot) -> Int? {
    if slot.owner == (rows != 0 ? SO_SLOT_OF_OTHERS : SO_SLOT_OF_MATRICES) { return nil }
    switch Int(slot.form) {
    case SO_SLOT_ROW: return count / columns
    case SO_SLOT_COLUMN: return count / rows
    default: return count
    }
  }

  func slotDtype(_ index: Int) -> so_dtype {
    index < slotDtypes.count ? so_dtype(slotDtypes[index]) : computation
  }
}
