import CSwiftOpt
import SwiftOptOptimizers

/// One registered optimizer, its description as Swift arrays.
public struct OptimizerEntry {
  public let id: Int32
  public let name: String
  public let description: so_description
  public let hyperparameters: [so_hyperparameter]
  public let slots: [so_slot]
  public let scalars: [so_scalar]

  public init?(id: Int32) {
    guard let description = describeOptimizer(id) else { return nil }
    self.id = id
    self.description = description
    name = description.name.map { String(cString: $0) } ?? ""
    hyperparameters = array(description.hyperparameters, description.hyperparameter_count)
    slots = array(description.slots, description.slot_count)
    scalars = array(description.scalars, description.scalar_count)
  }

  public static var all: [OptimizerEntry] {
    var entries: [OptimizerEntry] = []
    while let entry = OptimizerEntry(id: Int32(entries.count)) { entries.append(entry) }
    return entries
  }

  public static func named(_ name: String) -> OptimizerEntry {
    guard let entry = all.first(where: { $0.name == name }) else {
      fatalError("no optimizer is called \(name)")
    }
    return entry
  }

  /// All the ways to use it: each hyper-parameter that is 0 by default stays so or not.
  public var variants: [Settings] {
    var variants = [Settings(self)]
    for (index, entry) in hyperparameters.enumerated() where entry.default_value == 0 {
      variants += variants.map { $0.with(index, entry.is_flag != 0 ? 1 : 0.25) }
    }
    return variants
  }
}

/// Values for the hyper-parameters of an optimizer.
public struct Settings: CustomStringConvertible {
  public let optimizer: OptimizerEntry
  public private(set) var values: [Double]

  /// The defaults.
  public init(_ optimizer: OptimizerEntry) {
    self.optimizer = optimizer
    values = optimizer.hyperparameters.map(\.default_value)
  }

  public func with(_ index: Int, _ value: Double) -> Settings {
    var settings = self
    settings.values[index] = value
    return settings
  }

  public func with(_ name: String, _ value: Double) -> Settings { with(index(name), value) }

  public subscript(name: String) -> Double { values[index(name)] }

  private func index(_ name: String) -> Int {
    let index = optimizer.hyperparameters.firstIndex { String(cString: $0.name!) == name }
    guard let index else { fatalError("\(optimizer.name) has no \(name)") }
    return index
  }

  /// What each slot starts at, nil for a slot that these settings don't ask for.
  public var initialSlots: [Double?] {
    optimizer.slots.map { slot in
      if slot.required_by >= 0 && values[Int(slot.required_by)] == 0 { return nil }
      return slot.initial_value < 0 ? 0 : values[Int(slot.initial_value)]
    }
  }

  public var description: String {
    let pairs = zip(optimizer.hyperparameters, values).map {
      "\(String(cString: $0.name!))=\($1)"
    }
    return "\(optimizer.name)(\(pairs.joined(separator: ", ")))"
  }
}

/// The first `count` entries of a C array, which Swift sees as a tuple.
private func array<Entry, Tuple>(_ tuple: Tuple, _ count: Int32) -> [Entry] {
  withUnsafeBytes(of: tuple) { Array($0.bindMemory(to: Entry.self).prefix(Int(count))) }
}
