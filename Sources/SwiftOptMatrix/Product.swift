import CSwiftOpt
import SwiftOptShims

func workspaceSize(_ product: so_product) -> Int64 {
  let sums =
    (product.column_sums == nil ? 0 : 1) &+ (product.column_square_sums == nil ? 0 : 1)
  return Int64(matrixPlan(product).workspaceBytes(columnSums: sums))
}

func packedSize(_ product: so_product) -> Int64 {
  Int64(matrixPlan(withoutRows(product)).packedBBytes)
}

func pack(_ product: so_product, into out: UnsafeMutableRawPointer) {
  var product = withoutRows(product)
  product.workspace = out
  var call = Call(&product)
  share(&call, Work.pack)
}

/// Computes a product: here, unless the user chose a CBLAS library, which would gain next to
/// nothing as a default.
/// GFLOP/s on one thread of a Zen 4, geometric means over the shapes of
/// benchmarks/cases/products.py with the packing included, beside those of NumPy's OpenBLAS
/// 0.3.31 with its kernels for such a processor:
///
///                 SSE2        AVX2         AVX-512
///     float32     33 | 28     101 | 101    105 | 100
///     float64     16 | 17      44 | 47      49 | 45
func multiply(_ product: UnsafePointer<so_product>) {
  guard product.pointee.columns > 0 else { return }
  var call = Call(product)
  if product.pointee.rows > 0 {
    if isForLibrary(product.pointee, call.plan) {
      share(&call, Work.library)
    } else {
      share(&call, call.plan.slices > 1 ? Work.slice : Work.pack)
      share(&call, Work.finish)
      if product.pointee.is_symmetric != 0 { share(&call, Work.mirror) }
    }
  }
  finishColumnSums(product.pointee, call.plan)
}

/// The product of which only B is packed.
private func withoutRows(_ product: so_product) -> so_product {
  var product = product
  product.rows = 0
  product.alpha = 1
  product.b.is_packed = 0
  return product
}

private func matrixPlan(_ product: so_product) -> Plan {
  switch ArithmeticKind.of(product) {
  case ArithmeticKind.float64: Plan(Float64Arithmetic.self, product)
  case ArithmeticKind.bfloat16: Plan(BFloat16Arithmetic.self, product)
  default: Plan(Float32Arithmetic.self, product)
  }
}

/// What the tasks of a call do. Numbers, as those of the arithmetics.
enum Work {
  static var pack: Int { 0 }
  static var slice: Int { 1 }
  static var finish: Int { 2 }
  static var mirror: Int { 3 }
  static var library: Int { 4 }
}

/// What the tasks of a call share.
struct Call {
  let product: UnsafePointer<so_product>
  let plan: Plan
  let kind: Int
  var work = 0

  init(_ product: UnsafePointer<so_product>) {
    self.product = product
    plan = matrixPlan(product.pointee)
    kind = ArithmeticKind.of(product.pointee)
  }
}

/// Runs all tasks of one kind on the threads.
private func share(_ call: inout Call, _ work: Int) {
  call.work = work
  let (count, grain) =
    switch call.kind {
    case ArithmeticKind.float64: Tasks<Float64Arithmetic>(&call).countAndGrain
    case ArithmeticKind.bfloat16: Tasks<BFloat16Arithmetic>(&call).countAndGrain
    default: Tasks<Float32Arithmetic>(&call).countAndGrain
    }
  so_parallel_for(
    Int64(count), Int64(grain),
    { context, begin, end, scratch in
      let call = UnsafePointer(context.assumingMemoryBound(to: Call.self))
      let range = Int(begin)..<Int(end)
      switch call.pointee.kind {
      case ArithmeticKind.float64: Tasks<Float64Arithmetic>(call).run(range, scratch)
      case ArithmeticKind.bfloat16: Tasks<BFloat16Arithmetic>(call).run(range, scratch)
      default: Tasks<Float32Arithmetic>(call).run(range, scratch)
      }
    }, &call)
}

/// Adds up the sums of the blocks of rows, in order.
private func finishColumnSums(_ product: so_product, _ plan: Plan) {
  var part = product.workspace.map { $0 + plan.slices &* plan.sliceBytes }
  if let target = product.column_sums {
    addBlocks(plan, part, target)
    part = part.map { $0 + plan.columnSumBytes }
  }
  if let target = product.column_square_sums { addBlocks(plan, part, target) }
}

private func addBlocks(
  _ plan: Plan, _ parts: UnsafeMutableRawPointer?, _ target: UnsafeMutablePointer<Double>
) {
  for column in 0..<plan.columns { target[column] = 0 }
  guard plan.rows > 0, let parts else { return }
  for block in 0..<plan.rowBlocks {
    let sums = parts.assumingMemoryBound(to: Double.self) + block &* plan.sumColumns
    for column in 0..<plan.columns { target[column] += sums[column] }
  }
}
