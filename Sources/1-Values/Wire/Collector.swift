/// One account's ingest-stream, ingest-backfill and aggregator, with the streams that they write: its name. Several may
/// feed one store-writer. Source: docs/scaling.md.
public struct Collector: Hashable, Sendable {
    public let name: String

    /// The one that every installation has unless it names another.
    public static let main = Collector(validated: "main")

    /// The most letters of a name: it is part of the paths of sockets.
    public static let nameLimit = 16

    /// What tells it from `main`, which needs no word; `nil`: it is `main`.
    public var label: String? { self == .main ? nil : name }

    private init(validated name: String) { self.name = name }

    /// - Parameter name: 1 to 16 of `a–z 0–9 _ -`, a letter or digit first.
    /// - Returns: `nil` for any other name.
    public init?(_ name: String) {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = name.utf8.first, isAlphanumeric(first), name.utf8.count <= Collector.nameLimit,
            name.utf8.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") })
        else { return nil }
        self.init(validated: name)
    }
}

extension Collector: Comparable {
    public static func < (a: Collector, b: Collector) -> Bool { a.name.utf8.lexicographicallyPrecedes(b.name.utf8) }
}

extension Collector: CustomStringConvertible {
    public var description: String { name }
}
