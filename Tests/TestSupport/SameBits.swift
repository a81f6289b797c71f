import Glibc

/// Whether two arrays have the same bits, as `==` doesn't say for NaN and -0.
public func haveSameBits<Element: BitwiseCopyable>(_ a: [Element], _ b: [Element]) -> Bool {
  a.count == b.count
    && a.withUnsafeBytes { a in
      b.withUnsafeBytes { b in a.isEmpty || memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0 }
    }
}
