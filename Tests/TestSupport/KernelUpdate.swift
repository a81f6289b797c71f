import CSwiftOpt
import SwiftOptShims

/// Calls `body` with a run of a kernel where everything is off but the rule. Its parameter and
/// gradient have to be set.
public func withUpdate(
  optimizer: Int32, dtype: so_dtype, _ coefficients: Coefficients,
  _ body: (inout so_update) -> Void
) {
  let scratch = GuardedBuffer<UInt8>(repeating: 0xA5, count: Int(SO_SCRATCH_BYTES), .end)
  coefficients.words.withUnsafeBytes { coefficients in
    var update = so_update(
      optimizer: optimizer, dtype: dtype, index: 0, count: 0,
      parameter: scratch.raw, gradient: UnsafeRawPointer(scratch.raw),
      slots: (so_stream(), so_stream(), so_stream(), so_stream()),
      master: nil, compensation: nil, average: nil, copy: nil,
      parameter_dtype: dtype, gradient_dtype: dtype, copy_dtype: dtype,
      rounding: Int32(SO_ROUND_NEAREST), scale: 1, clip_value: .infinity, l1_penalty: 0,
      penalty: 0, decay: 0, step_scale: 1, average_decay: 0, unit_scales: nil, unit_length: 1,
      cautious: 0, zero_gradient: 0, is_trial: 0, measures: 0,
      coefficients: coefficients.baseAddress!, factors: nil, steps: nil,
      steps_role: Int32(SO_STEPS_NONE), random_key: 0, random_update: 0, sums: nil,
      scratch: scratch.raw)
    body(&update)
  }
}

extension so_update {
  /// Gives slot `index` an array of `dtype`.
  public mutating func setSlot(_ index: Int, _ data: UnsafeMutableRawPointer?, _ dtype: so_dtype) {
    let stream = so_stream(data: data, scales: nil, dtype: dtype, reserved: 0)
    withUnsafeMutableBytes(of: &slots) {
      $0.storeBytes(
        of: stream, toByteOffset: index * MemoryLayout<so_stream>.stride, as: so_stream.self)
    }
  }
}
