/// What is to be done with a layer function's type.
protocol LayerVisitor {
  mutating func visit<Function: LayerFunction>(_ function: Function.Type)
}

/// Calls `visitor` with the layer function that has number `id`; false if none has. One line
/// per function: names identify them, numbers may change with a release.
@inline(__always)
func visitLayer<Visitor: LayerVisitor>(_ id: Int32, _ visitor: inout Visitor) -> Bool {
  switch id {
  case 0: visitor.visit(MeanSquaredError.self)
  case 1: visitor.visit(Add.self)
  case 2: visitor.visit(ActivationForward<ReLULayer>.self)
  case 3: visitor.visit(ActivationBackward<ReLULayer>.self)
  case 4: visitor.visit(GELUForward.self)
  case 5: visitor.visit(GELUBackward.self)
  case 6: visitor.visit(ActivationForward<SiLULayer>.self)
  case 7: visitor.visit(ActivationBackward<SiLULayer>.self)
  case 8: visitor.visit(ActivationForward<TanhLayer>.self)
  case 9: visitor.visit(ActivationBackward<TanhLayer>.self)
  case 10: visitor.visit(ActivationForward<SigmoidLayer>.self)
  case 11: visitor.visit(ActivationBackward<SigmoidLayer>.self)
  case 12: visitor.visit(Dropout.self)
  case 13: visitor.visit(DropoutBackward.self)
  case 14: visitor.visit(DepthwiseConv2d.self)
  case 15: visitor.visit(DepthwiseConv2dBackwardInput.self)
  case 16: visitor.visit(DepthwiseConv2dBackwardWeight.self)
  case 17: visitor.visit(Softmax.self)
  case 18: visitor.visit(SoftmaxBackward.self)
  case 19: visitor.visit(CrossEntropy.self)
  case 20: visitor.visit(Embedding.self)
  case 21: visitor.visit(EmbeddingBackward.self)
  case 22: visitor.visit(LSTMCell.self)
  case 23: visitor.visit(LSTMCellBackward.self)
  case 24: visitor.visit(GRUCell.self)
  case 25: visitor.visit(GRUCellBackward.self)
  case 26: visitor.visit(Attention.self)
  case 27: visitor.visit(AttentionBackward.self)
  case 28: visitor.visit(Conv2d.self)
  case 29: visitor.visit(Conv2dBackwardInput.self)
  case 30: visitor.visit(Conv2dBackwardWeight.self)
  case 31: visitor.visit(BatchNorm.self)
  case 32: visitor.visit(BatchNormBackward.self)
  case 33: visitor.visit(LayerNorm.self)
  case 34: visitor.visit(LayerNormBackward.self)
  case 35: visitor.visit(RMSNorm.self)
  case 36: visitor.visit(RMSNormBackward.self)
  case 37: visitor.visit(MaxPool2d.self)
  case 38: visitor.visit(MaxPool2dBackward.self)
  case 39: visitor.visit(AvgPool2d.self)
  case 40: visitor.visit(AvgPool2dBackward.self)
  case 41: visitor.visit(GlobalAvgPool2d.self)
  case 42: visitor.visit(GlobalAvgPool2dBackward.self)
  case 43: visitor.visit(Matmul.self)
  case 44: visitor.visit(SumColumns.self)
  case 45: visitor.visit(SoftCrossEntropy.self)
  default: return false
  }
  return true
}
