internal import Archive
public import Host
public import MarketData
internal import Streams
internal import Wire

/// Ticks of a collector as a file for other programs, in the order of position, out of archive and journal. Memory does
/// not grow with their number.
public struct TickExport {
    public enum Format: String, CaseIterable, Sendable { case csv, jsonl, parquet }

    /// Which ticks.
    public struct Selection: Sendable {
        /// Empty: all.
        public var pairs: Set<Pair>
        /// Of brokerTime.
        public var times: Range<UTCNanos>
        /// The feed's events too: those of the whole feed, and those of the pairs.
        public var hasEvents: Bool

        public init(pairs: Set<Pair>, times: Range<UTCNanos>, hasEvents: Bool) {
            (self.pairs, self.times, self.hasEvents) = (pairs, times, hasEvents)
        }

        func includes(_ record: TickEnvelope) -> Bool {
            guard times.contains(record.brokerTime) else { return false }
            switch record.kind {
            case .tick: return pairs.isEmpty || pairs.contains(record.pair)
            case .feed: return hasEvents && (pairs.isEmpty || record.pair == .none || pairs.contains(record.pair))
            default: return false
            }
        }
    }

    private let paths: Paths
    private let selection: Selection

    /// - Throws: `Failure` (69) if there are no ticks at all, or none of a chosen pair; `JournalError`.
    public init(_ paths: Paths, _ selection: Selection) throws {
        (self.paths, self.selection) = (paths, selection)
        guard try ArchivedStream.exists(.ticks, paths) else {
            throw Failure(.unavailable, "neither \(paths.archive) nor \(paths.journal(.ticks)) holds ticks")
        }
        try TickExport.check(selection.pairs, paths)
    }

    /// A pair without any tick is a wrong name, not an empty file.
    private static func check(_ pairs: Set<Pair>, _ paths: Paths) throws {
        guard !pairs.isEmpty else { return }
        let manifest = try ArchiveManifest(.ticks, paths)
        var known = Set(manifest.batches.flatMap(\.files).compactMap(\.pair).compactMap { Pair($0) })
        let stream = try ArchivedStream(.ticks, paths, from: manifest.lastPosition + 1)
        while !pairs.isSubset(of: known), try stream.read(TickEnvelope.self, { known.insert($0.pair) }) > 0 {}
        guard let unknown = pairs.subtracting(known).min() else { return }
        let names = known.subtracting([.none]).sorted().map(\.description)
        throw Failure(
            .unavailable,
            "there is no tick of \(unknown): there are ticks of "
                + (names.isEmpty ? "no pair" : names.joined(separator: ", ")))
    }

    /// Writes a file.
    /// - Parameter write: takes its bytes, a part at a time; false ends it.
    /// - Returns: how many ticks are in it.
    /// - Throws: `Failure` (75) if a stop was asked for; `JournalError`, and what `write` throws.
    public func write(_ format: Format, stop: StopSignal, _ write: ([UInt8]) throws -> Bool) throws -> Int {
        switch format {
        case .csv: try self.write(TickLines(.csv, hasEvents: selection.hasEvents), stop, write)
        case .jsonl: try self.write(TickLines(.jsonl, hasEvents: selection.hasEvents), stop, write)
        case .parquet: try self.write(TickColumns(hasEvents: selection.hasEvents), stop, write)
        }
    }

    private func write(
        _ empty: some TickSheet, _ stop: StopSignal, _ write: ([UInt8]) throws -> Bool
    ) throws -> Int {
        var (sheet, count) = (empty, 0)
        let pairs = selection.pairs.isEmpty ? nil : selection.pairs
        let stream = try ArchivedStream(
            .ticks, paths, narrowing: .init(pairs: pairs, times: selection.times))
        func take(_ record: TickEnvelope) {
            guard selection.includes(record) else { return }
            sheet.add(record)
            if record.kind == .tick { count += 1 }
        }
        while try stream.read(TickEnvelope.self, take) > 0 {
            if stop.isRaised { throw Failure(.temporary, "stopped before all ticks were written") }
            guard try sheet.isFull ? write(sheet.take()) : true else { return count }
        }
        if try write(sheet.take()) { _ = try write(sheet.end()) }
        return count
    }
}

/// A file of ticks while it is made.
protocol TickSheet {
    /// A tick, or an event of the feed.
    mutating func add(_ record: TickEnvelope)
    /// Whether it is time to take the bytes.
    var isFull: Bool { get }
    /// The file's next bytes.
    mutating func take() -> [UInt8]
    /// Its last ones.
    mutating func end() -> [UInt8]
}
