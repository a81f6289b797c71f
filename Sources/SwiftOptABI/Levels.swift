import CSwiftOpt
import SwiftOptEngine
import SwiftOptOptimizers
import SwiftOptShims

@c @implementation
public func so_level_count() -> Int32 { Int32(SO_LEVEL_COUNT) }

@c @implementation
public func so_level_name(_ index: Int32) -> UnsafePointer<CChar> { so_level_title(index) }

@c @implementation
public func so_level_supported(_ index: Int32) -> Int32 { Level.isSupported(index) ? 1 : 0 }

@c @implementation
public func so_level_current() -> Int32 { Level.current ?? -1 }

@c @implementation
public func so_level_select(_ name: UnsafePointer<CChar>?) -> so_status {
  switch Level.select(name) {
  case nil:
    return so_status(SO_OK)
  case .unknown:
    so_error_set_level(name ?? so_level_from_environment() ?? characters(""), 0)
    return so_status(SO_INVALID_VALUE)
  case .unsupported:
    so_error_set_level(name ?? so_level_from_environment() ?? characters(""), 1)
    return so_status(SO_UNSUPPORTED)
  }
}

/// For a step that finds no level: the environment's choice again, for its error.
func failLevel() -> so_status {
  let status = so_level_select(nil)
  return status == so_status(SO_OK) ? so_status(SO_UNSUPPORTED) : status
}
