package import GRDB
internal import GRDBSQLite
internal import Host
public import MarketData

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
    package let database: DatabaseQueue

    /// Where the database is.
    public var path: String { database.path }

    /// - Throws: `Failure` (69) where there is no database yet; `StoreError`.
    public init(path: String) throws {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CANTOPEN {
            throw Failure(.unavailable, "the database \(path) does not exist: has store-writer run?")
        } catch let error as DatabaseError {
            throw StoreError("open", path, error)
        }
    }

    /// Which candles are read.
    public enum Selection: Hashable, Sendable {
        /// What the view `candles` shows: whole intervals only.
        case complete
        /// What the view `candles_full` shows: partial ones too.
        case all

        fileprivate var condition: String { self == .complete ? " AND c.complete = 1" : "" }
    }

    /// The last candles of a pair and timeframe, oldest first. One walk along the key, whatever the database holds.
    /// - Parameter count: how many at most.
    public func last(
        _ count: Int, _ pair: Pair, _ timeframe: Timeframe, _ selection: Selection = .complete
    ) throws -> [Candle] {
        try candles(Series(pair, timeframe), "\(selection.condition) ORDER BY c.open_time DESC LIMIT ?", [count])
            .reversed()
    }

    /// The candles of a pair and timeframe that begin in a range of Unix seconds, oldest first.
    public func candles(
        _ pair: Pair, _ timeframe: Timeframe, in range: Range<Int64>, _ selection: Selection = .complete
    ) throws -> [Candle] {
        let condition = "\(selection.condition) AND c.open_time >= ? AND c.open_time < ? ORDER BY c.open_time"
        return try candles(Series(pair, timeframe), condition, [range.lowerBound, range.upperBound])
    }

    /// The newest candle of a pair and timeframe; `nil` without any.
    public func latest(_ pair: Pair, _ timeframe: Timeframe, _ selection: Selection = .complete) throws -> Candle? {
        try last(1, pair, timeframe, selection).first
    }

    /// How many candles of a pair and timeframe there are.
    public func count(_ pair: Pair, _ timeframe: Timeframe, _ selection: Selection = .complete) throws -> Int {
        try read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT COUNT(*) FROM candle c WHERE \(CandleReader.ofSeries)\(selection.condition)")
            return try Int.fetchOne(statement, arguments: [pair.description, timeframe.seconds]) ?? 0
        }
    }

    /// The pairs and timeframes of which there is a candle, by name.
    public func series() throws -> [Series] {
        // A search for each, instead of a walk along all rows.
        let sql = """
            SELECT i.name, t.seconds FROM instrument i, timeframe t
            WHERE EXISTS (SELECT 1 FROM candle c WHERE c.instrument_id = i.id AND c.timeframe = t.seconds)
            ORDER BY i.name, t.seconds
            """
        return try read { try Row.fetchAll($0, sql: sql) }.compactMap { row in
            guard let pair = Pair(row[0] as String), let timeframe = Timeframe(minutes: (row[1] as Int) / 60) else {
                return nil
            }
            return Series(pair, timeframe)
        }
    }

    package static let ofSeries =
        "c.instrument_id = (SELECT id FROM instrument WHERE name = ?) AND c.timeframe = ?"

    private func candles(
        _ series: Series, _ condition: String, _ arguments: [any DatabaseValueConvertible]
    ) throws -> [Candle] {
        try read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT \(Candle.columns) FROM candle c WHERE \(CandleReader.ofSeries)\(condition)")
            let key: [any DatabaseValueConvertible] = [series.pair.description, series.timeframe.seconds]
            try statement.setArguments(StatementArguments(key + arguments))
            return try rows(of: statement)
        }
    }

    /// Steps through the statement itself: a row of GRDB costs three times what SQLite takes for it.
    private func rows(of statement: Statement) throws -> [Candle] {
        let handle = statement.sqliteStatement
        defer { sqlite3_reset(handle) }
        var candles: [Candle] = []
        while true {
            switch sqlite3_step(handle) {
            case SQLITE_ROW: candles.append(Candle(handle))
            case SQLITE_DONE: return candles
            case let code: throw DatabaseError(resultCode: ResultCode(rawValue: code))
            }
        }
    }

    package func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        do {
            return try database.read(body)
        } catch let error as DatabaseError {
            throw StoreError("read", database.path, error)
        }
    }
}

@available(*, unavailable)
extension CandleReader: Sendable {}
