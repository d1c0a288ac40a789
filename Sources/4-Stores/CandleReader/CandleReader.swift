internal import Engines
public import Host
public import MarketData
internal import SQLiteStore
public import Store

/// Reads candles, and what is known about them, from the database that `store-writer` writes.
///
/// Read-only: it never blocks the writer, and what a commit brings is seen by the next call. Prices are exact, in units
/// of 1e-9. A bot waits for a new candle, and reads the last ones again with it, since a revision may have changed them:
///
/// ```swift
/// let reader = try CandleReader(paths: paths)
/// var last = try reader.latest(pair, timeframe)?.timestamp ?? 0
/// while let new = try reader.next(after: last, pair, timeframe, milliseconds: 600_000) {
///     last = new.timestamp
///     decide(try reader.last(200, pair, timeframe))
/// }
/// ```
///
/// Source: docs/reading.md.
///
/// - Note: One thread only.
public final class CandleReader {
    public typealias Candle = Store.Candle
    public typealias Selection = CandleSelection
    public typealias SeriesStatistics = Store.SeriesStatistics

    private let store: any CandleQueries
    /// `nil` if only the file is known.
    private let paths: Paths?
    /// What `next` waits for: candles of all pairs, since connections are limited.
    private var stored: StoredCandles?

    /// Where the database is.
    public var path: String { store.path }

    /// - Parameter path: of an SQLite database.
    /// - Throws: `Failure` (69) if the database is missing; `StoreError`.
    public init(path: String) throws {
        store = try SQLiteReader(path: path)
        paths = nil
    }

    /// Reads the database of a state folder, and knows the bus of its runtime folder.
    /// - Throws: as above.
    public init(paths: Paths) throws {
        store = try storeEngine.openReader(paths)
        self.paths = paths
    }

    /// The last candles of a pair and timeframe, oldest first. One walk along the key, whatever the database holds.
    /// - Parameter count: how many at most.
    public func last(
        _ count: Int, _ pair: Pair, _ timeframe: Timeframe, _ selection: Selection = .complete
    ) throws -> [Candle] {
        try store.last(count, pair, timeframe, selection)
    }

    /// The candles of a pair and timeframe that begin in a range of Unix seconds, oldest first.
    public func candles(
        _ pair: Pair, _ timeframe: Timeframe, in range: Range<Int64>, _ selection: Selection = .complete
    ) throws -> [Candle] {
        let range = UTCSeconds(rawValue: range.lowerBound)..<UTCSeconds(rawValue: range.upperBound)
        return try store.candles(pair, timeframe, in: range, selection)
    }

    /// The newest candle of a pair and timeframe; `nil` without any.
    public func latest(_ pair: Pair, _ timeframe: Timeframe, _ selection: Selection = .complete) throws -> Candle? {
        try store.latest(pair, timeframe, selection)
    }

    /// Waits for a newer candle, without polling: PostgreSQL notifies of each commit, else the bus brings it.
    /// - Parameters:
    ///   - timestamp: Unix seconds of the start of the caller's last candle; 0: before any.
    ///   - milliseconds: how long at most.
    /// - Returns: the oldest candle after `timestamp`; `nil` if the time ended before one was stored.
    /// - Throws: `Failure` (64) if the reader was opened with a file alone; as `StoredCandles.init`.
    public func next(
        after timestamp: Int64, _ pair: Pair, _ timeframe: Timeframe, _ selection: Selection = .complete,
        milliseconds: Int
    ) throws -> Candle? {
        let stored = try stored ?? StoredCandles(paths: try knownPaths())
        self.stored = stored
        let series = Series(pair, timeframe)
        let deadline = Deadline(milliseconds: milliseconds)
        while true {
            if let new = try store.first(after: UTCSeconds(rawValue: timestamp), pair, timeframe, selection) {
                return new
            }
            guard deadline.millisecondsLeft > 0 else { return nil }
            // A store-writer that is killed after a commit publishes nothing of it.
            let look = Deadline(milliseconds: min(deadline.millisecondsLeft, 1_000))
            guard try store.commitCame(withinMilliseconds: look.millisecondsLeft) == nil else { continue }
            while let new = stored.next(milliseconds: look.millisecondsLeft), new.series != series {}
        }
    }

    /// The candle of the present interval as far as it has come. A caller that asks often keeps a `FormingCandles`.
    /// - Parameter milliseconds: how long to wait for `aggregator` at most; it answers within 250 ms.
    /// - Returns: as old as the feed, if `ingest-stream` is down; `nil` if the pair had no tick in the present interval.
    /// - Throws: `Failure` (64) if the reader was opened with a file alone; as `FormingCandles`.
    public func forming(_ pair: Pair, _ timeframe: Timeframe, milliseconds: Int = 1_000) throws -> Candle? {
        try FormingCandles(paths: try knownPaths(), pair: pair).present(pair, timeframe, milliseconds: milliseconds)
    }

    private func knownPaths() throws -> Paths {
        guard let paths else {
            throw Failure(.usage, "a reader of a file alone knows no bus: use CandleReader(paths:)")
        }
        return paths
    }

    /// How many candles of a pair and timeframe there are.
    public func count(_ pair: Pair, _ timeframe: Timeframe, _ selection: Selection = .complete) throws -> Int {
        try store.count(pair, timeframe, selection)
    }

    /// The pairs and timeframes that have a candle, by name.
    public func series() throws -> [Series] { try store.series() }

    /// Counts and extent of each pair and timeframe, by name. Counts every row: a second for some millions.
    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - timeframe: `nil`: all.
    public func statistics(of pairs: [Pair] = [], _ timeframe: Timeframe? = nil) throws -> [SeriesStatistics] {
        try store.statistics(of: pairs, timeframe)
    }
}

@available(*, unavailable)
extension CandleReader: Sendable {}
