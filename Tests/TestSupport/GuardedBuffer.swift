import Glibc

/// Where a `GuardedBuffer`'s elements lie between its two forbidden pages.
public enum Placement: CaseIterable, Sendable {
  /// Right behind the first: reading or writing before the first element crashes.
  case start
  /// One element later, so that no vector is aligned.
  case misaligned
  /// Right before the last: reading or writing beyond the last element crashes.
  case end
}

/// Memory of its own pages, with a page before and a page behind it that may be neither
/// read nor written.
public final class GuardedBuffer<Element: BitwiseCopyable> {
  public let pointer: UnsafeMutablePointer<Element>
  public let count: Int
  private let pages: UnsafeMutableRawPointer
  private let byteCount: Int

  public init(_ elements: [Element], _ placement: Placement) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let stride = MemoryLayout<Element>.stride
    let shift = placement == .misaligned ? stride : 0
    let bytes = elements.count * stride
    // No page at all for an empty buffer: its address is forbidden.
    let usable = bytes == 0 ? 0 : (bytes + shift + page - 1) / page * page
    byteCount = usable + 2 * page
    pages = mmap(nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    precondition(pages != MAP_FAILED, "no memory for a test")
    precondition(mprotect(pages + page, usable, PROT_READ | PROT_WRITE) == 0)
    count = elements.count
    let offset = placement == .end ? usable - bytes : min(shift, usable)
    pointer = (pages + page + offset).bindMemory(to: Element.self, capacity: elements.count)
    elements.withUnsafeBytes { if let base = $0.baseAddress { memcpy(pointer, base, bytes) } }
  }

  public convenience init(repeating element: Element, count: Int, _ placement: Placement) {
    self.init(Array(repeating: element, count: count), placement)
  }

  deinit { munmap(pages, byteCount) }

  public var raw: UnsafeMutableRawPointer { UnsafeMutableRawPointer(pointer) }

  public var elements: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  public subscript(index: Int) -> Element {
    get { pointer[index] }
    set { pointer[index] = newValue }
  }
}
