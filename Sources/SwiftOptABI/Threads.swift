import CSwiftOpt
import SwiftOptOptimizers
import SwiftOptShims

@c @implementation
public func so_threads_get() -> Int32 { so_pool_get_threads() }

@c @implementation
public func so_threads_set(_ count: Int32) -> so_status {
  guard count >= 1, count <= Int32(SO_MAX_THREADS) else {
    so_error_set_number(
      characters("count"), -1, characters(""), Double(count), characters("in 1 ... 256"))
    return so_status(SO_INVALID_VALUE)
  }
  so_pool_set_threads(count)
  return so_status(SO_OK)
}
