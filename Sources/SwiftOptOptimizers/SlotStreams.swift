/// The arrays of one parameter's state, as a rule wants to see them: an element's
/// values go in and out as one tuple.
public protocol SlotStreams {
  associatedtype Scalar: RealScalar
  associatedtype Values

  func load(_ index: Int) -> Values
  func store(_ values: Values, at index: Int)
}

/// A rule without state, such as plain gradient descent.
@frozen
public struct NoSlots<Scalar: RealScalar>: SlotStreams {
  @inlinable @inline(__always)
  public init() {}

  @inlinable @inline(__always)
  public func load(_ index: Int) {}

  @inlinable @inline(__always)
  public func store(_ values: (), at index: Int) {}
}

@frozen
public struct OneSlot<Scalar: RealScalar>: SlotStreams {
  @usableFromInline let first: UnsafeMutablePointer<Scalar>

  @inlinable @inline(__always)
  public init(_ first: UnsafeMutablePointer<Scalar>) {
    self.first = first
  }

  @inlinable @inline(__always)
  public func load(_ index: Int) -> Scalar { first[index] }

  @inlinable @inline(__always)
  public func store(_ values: Scalar, at index: Int) { first[index] = values }
}

@frozen
public struct TwoSlots<Scalar: RealScalar>: SlotStreams {
  @usableFromInline let first: UnsafeMutablePointer<Scalar>
  @usableFromInline let second: UnsafeMutablePointer<Scalar>

  @inlinable @inline(__always)
  public init(_ first: UnsafeMutablePointer<Scalar>, _ second: UnsafeMutablePointer<Scalar>) {
    self.first = first
    self.second = second
  }

  @inlinable @inline(__always)
  public func load(_ index: Int) -> (Scalar, Scalar) { (first[index], second[index]) }

  @inlinable @inline(__always)
  public func store(_ values: (Scalar, Scalar), at index: Int) {
    first[index] = values.0
    second[index] = values.1
  }
}

@frozen
public struct ThreeSlots<Scalar: RealScalar>: SlotStreams {
  @usableFromInline let first: UnsafeMutablePointer<Scalar>
  @usableFromInline let second: UnsafeMutablePointer<Scalar>
  @usableFromInline let third: UnsafeMutablePointer<Scalar>

  @inlinable @inline(__always)
  public init(
    _ first: UnsafeMutablePointer<Scalar>,
    _ second: UnsafeMutablePointer<Scalar>,
    _ third: UnsafeMutablePointer<Scalar>
  ) {
    self.first = first
    self.second = second
    self.third = third
  }

  @inlinable @inline(__always)
  public func load(_ index: Int) -> (Scalar, Scalar, Scalar) {
    (first[index], second[index], third[index])
  }

  @inlinable @inline(__always)
  public func store(_ values: (Scalar, Scalar, Scalar), at index: Int) {
    first[index] = values.0
    second[index] = values.1
    third[index] = values.2
  }
}

@frozen
public struct FourSlots<Scalar: RealScalar>: SlotStreams {
  @usableFromInline let first: UnsafeMutablePointer<Scalar>
  @usableFromInline let second: UnsafeMutablePointer<Scalar>
  @usableFromInline let third: UnsafeMutablePointer<Scalar>
  @usableFromInline let fourth: UnsafeMutablePointer<Scalar>

  @inlinable @inline(__always)
  public init(
    _ first: UnsafeMutablePointer<Scalar>,
    _ second: UnsafeMutablePointer<Scalar>,
    _ third: UnsafeMutablePointer<Scalar>,
    _ fourth: UnsafeMutablePointer<Scalar>
  ) {
    self.first = first
    self.second = second
    self.third = third
    self.fourth = fourth
  }

  @inlinable @inline(__always)
  public func load(_ index: Int) -> (Scalar, Scalar, Scalar, Scalar) {
    (first[index], second[index], third[index], fourth[index])
  }

  @inlinable @inline(__always)
  public func store(_ values: (Scalar, Scalar, Scalar, Scalar), at index: Int) {
    first[index] = values.0
    second[index] = values.1
    third[index] = values.2
    fourth[index] = values.3
  }
}
