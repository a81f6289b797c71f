import CSwiftOpt
import SwiftOptShims

/// A whole array of images on its way through a program, spread over the threads.
public struct ArrayAugmentation {
  public let program: AugmentationProgram
  private let images: UnsafeRawPointer
  private let out: UnsafeMutableRawPointer
  private let numbers: UnsafePointer<Int64>?
  private let labels: UnsafeMutablePointer<Float>?
  private let classes: Int
  private let count: Int
  private let seed: UInt64
  private let epoch: UInt64
  private let imageBytes: Int
  private let outBytes: Int
  private let scratchBytes: Int
  private var workspace: UnsafeMutableRawPointer
  private var imagesPerTask = 1

  /// Of a call that `so_augment` accepts.
  public init(
    _ call: so_augment_call, _ program: AugmentationProgram, _ images: UnsafeRawPointer,
    _ out: UnsafeMutableRawPointer, _ workspace: UnsafeMutableRawPointer
  ) {
    self.program = program
    self.images = images
    self.out = out
    self.workspace = workspace
    (numbers, labels) = (call.numbers, call.labels)
    (classes, count) = (Int(call.classes), Int(call.count))
    (seed, epoch) = (call.seed, call.epoch)
    imageBytes = Self.imageBytes(call)
    outBytes = Self.outBytes(call, program)
    scratchBytes = Self.scratchBytes(program)
  }

  /// Bytes of one image, and of what comes out.
  public static func imageBytes(_ call: so_augment_call) -> Int {
    Int(call.height) &* Int(call.width) &* Int(call.channels) &* elementSize(call.dtype)
  }
  public static func outBytes(_ call: so_augment_call, _ program: AugmentationProgram) -> Int {
    program.outHeight &* program.outWidth &* program.outChannels &* elementSize(call.out_dtype)
  }

  /// Of one task.
  public static func scratchBytes(_ program: AugmentationProgram) -> Int {
    program.scratchBytes < 64 ? 64 : program.scratchBytes
  }

  /// As many tasks as are worth having, for a workspace that has room for `most` of them.
  public static func tasks(_ call: so_augment_call, most: Int) -> Int {
    let perTask = 16384 / imageBytes(call) &+ 1
    let wanted = (Int(call.count) &+ perTask &- 1) / perTask
    // More than threads, so that one that is late can be helped.
    let useful = 4 &* Int(so_pool_get_threads())
    let tasks = wanted < useful ? wanted : useful
    return tasks < most ? (tasks < 1 ? 1 : tasks) : most
  }

  public mutating func run(tasks: Int) {
    imagesPerTask = (count &+ tasks &- 1) / tasks
    so_parallel_for(
      Int64(tasks), 1,
      { context, begin, end, _ in
        let job = context.assumingMemoryBound(to: ArrayAugmentation.self)
        for task in begin..<end { job.pointee.runTask(Int(task)) }
      }, &self)
    guard program.mixes else { return }
    so_parallel_for(
      Int64(count / 2), Int64(16384 / outBytes &+ 1),
      { context, begin, end, _ in
        let job = context.assumingMemoryBound(to: ArrayAugmentation.self)
        for pair in begin..<end { job.pointee.mix(Int(pair)) }
      }, &self)
  }

  private func key(_ index: Int) -> SampleKey {
    let number = numbers.map { UInt64(truncatingIfNeeded: $0[index]) }
    return SampleKey(
      seed: seed, epoch: epoch, number: number ?? UInt64(truncatingIfNeeded: index))
  }

  private func runTask(_ task: Int) {
    let scratch = workspace + task &* scratchBytes
    let begin = task &* imagesPerTask
    let last = begin &+ imagesPerTask
    if begin >= count { return }
    program.prepare(scratch, seed: seed)
    for index in begin..<(last < count ? last : count) {
      program.apply(images + index &* imageBytes, to: out + index &* outBytes, key(index), scratch)
    }
  }

  private func mix(_ first: Int) {
    let second = count &- 1 &- first
    program.mix(
      out + first &* outBytes, out + second &* outBytes,
      labels: labels.map { $0 + first &* classes },
      labels.map { $0 + second &* classes }, classes: classes, key(first))
  }
}
