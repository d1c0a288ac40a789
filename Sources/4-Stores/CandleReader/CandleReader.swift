internal import SQLiteStore
public import MarketData
public import Store

/// Reads candles, and what is known about them, from the database that `store-writer` writes.
///
/// Read-only: it never blocks the writer, and what a commit brings is seen by the next call. Prices are exact, in units
/// of 1e-9. A bot reads the last candles once, then waits for new ones:
///
/// ```swift
/// let stored = try StoredCandles(paths: paths, pair: pair, timeframe: timeframe)
/// var candles = try CandleReader(path: paths.database).last(200, pair, timeframe)
/// while let new = try stored.next(milliseconds: 600_000) {
///     guard new.candle.isComplete else { continue }
///     candles.append(new.candle)
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

    /// Where the database is.
    public var path: String { store.path }

    /// - Throws: `Failure` (69) if the database is missing; `StoreError`.
    public init(path: String) throws { store = try SQLiteReader(path: path) }

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
