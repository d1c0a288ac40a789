internal import Glibc
public import Host
public import MarketData
public import Settings
public import Store
internal import Streams
internal import Wire

/// The timeframes of which a collector has candles from its beginning on: a file beside its journals, a line each.
/// A timeframe of the configuration that is not in it is new.
public struct KnownTimeframes {
    private let path: String
    private(set) var timeframes: Set<Timeframe>
    private let configured: [Timeframe]

    /// Reads the file; if it is missing, looks at what there is. Writes nothing.
    ///
    /// What is no longer configured is not known any more: its past ends here, and if it comes back, the time between is
    /// missing.
    /// - Parameter openReader: of the database, if the file is missing; `nil`: there is no database.
    /// - Throws: what `openReader` throws; `JournalError`, `StoreError`.
    public init(
        _ paths: Paths, _ configuration: Configuration, _ openReader: () throws -> (any CandleQueries)?
    ) throws {
        path = KnownTimeframes.path(paths)
        configured = configuration.timeframes
        if let noted = KnownTimeframes.read(path) {
            timeframes = noted.intersection(configured)
        } else {
            let shown = try KnownTimeframes.shown(paths, try openReader())
            timeframes = shown.isEmpty ? Set(configured) : shown.intersection(configured)
        }
    }

    /// - Returns: those of the configuration that are new; none while there is no file.
    public static func new(_ paths: Paths, _ configuration: Configuration) -> Set<Timeframe> {
        guard let noted = read(path(paths)) else { return [] }
        return Set(configuration.timeframes).subtracting(noted)
    }

    private static func path(_ paths: Paths) -> String { "\(paths.collectorState)/timeframes" }

    /// - Returns: `nil` if the file is missing; of an empty one, none.
    private static func read(_ path: String) -> Set<Timeframe>? {
        guard let bytes = readFile(path) else { return nil }
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        return Set(words.compactMap { Timeframe($0) })
    }

    /// Those of the configuration whose past was never made.
    public var new: [Timeframe] { configured.filter { !timeframes.contains($0) } }

    /// Their past is there: writes it into the file.
    /// - Throws: `Failure` (74).
    public mutating func add(_ some: [Timeframe]) throws {
        // Meanwhile another process may have taken some out.
        timeframes = (KnownTimeframes.read(path) ?? timeframes).union(some)
        try write()
    }

    /// Writes the file, if it says something else.
    /// - Throws: `Failure` (74).
    public func write() throws {
        guard KnownTimeframes.read(path) != timeframes else { return }
        try makeFolder(parentFolder(of: path))
        try replaceFile(path, with: timeframes.sorted().map { "\($0)\n" }.joined())
    }

    /// How many records of the candles journal are looked at: an interval of the largest timeframe and more.
    private static let recordsMax = 200_000

    /// Those of which there are candles.
    private static func shown(_ paths: Paths, _ reader: (any CandleQueries)?) throws -> Set<Timeframe> {
        var shown: Set<Timeframe> = []
        var left = recordsMax
        try JournalTail.readBackward(CandleEnvelope.self, folder: paths.journal(.candles)) { record in
            if let candle = record.candle { shown.insert(candle.timeframe) }
            left -= 1
            return left > 0
        }
        // With several collectors a stored candle may be another one's.
        if let reader, try reader.collectors() == [paths.collector] {
            shown.formUnion(try reader.series().map(\.timeframe))
        }
        return shown
    }

    /// Refuses to take a past for whole while an aggregator runs that does not fold the new timeframes: what would close
    /// between the end of the fold and the aggregator's next start would be missing for ever.
    /// - Parameter file: the configuration; `nil`: the defaults.
    /// - Throws: `Failure` (75).
    static func expectPresentAggregator(_ paths: Paths, configuration file: String?) throws {
        let lock = "\(paths.journal(.candles))/writer.lock"
        guard let file, let changed = changeTime(file), let owner = FileLock.owner(lock),
            let opened = changeTime(lock), opened < changed
        else { return }
        throw Failure(
            .temporary,
            """
            the aggregator, process \(owner), has been running since before \(file) was changed: restart it first; \
            then its new timeframes begin where their past ends
            """)
    }

    /// When a file, or its name, was changed, ns; `nil` if it is missing.
    private static func changeTime(_ path: String) -> Int64? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return Int64(info.st_ctim.tv_sec) * UTCNanos.perSecond + Int64(info.st_ctim.tv_nsec)
    }
}
