internal import GRDB
internal import GRDBSQLite
internal import Host
public import MarketData
public import Store
internal import Wire

/// Reads the database that `SQLiteWriter` writes. Read-only: it never blocks the writer.
///
/// - Note: One thread only.
public final class SQLiteReader: CandleQueries {
    let database: DatabaseQueue
    /// By their ids, as far as a candle was read of them.
    private var collectorNames: [Int64: Collector] = [:]
    /// That of `together`.
    private var transaction: Database?

    /// Where the database is.
    public var path: String { database.path }

    /// - Throws: `Failure` (69) if the database does not exist yet, (77) if it is closed to this user; `StoreError`.
    public init(path: String) throws {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CANTOPEN {
            try expectAccess(to: path)
            throw missingDatabase(path)
        } catch let error as DatabaseError {
            throw StoreError("open", path, error)
        }
    }

    /// The last candles of a pair and timeframe, oldest first. One walk along the key, whatever the database holds.
    /// - Parameter count: how many at most.
    public func last(
        _ count: Int, _ pair: Pair, _ timeframe: Timeframe, _ selection: CandleSelection
    ) throws -> [Candle] {
        try candles(Series(pair, timeframe), "\(selection.condition) ORDER BY c.open_time DESC LIMIT ?", [count])
            .reversed()
    }

    /// The candles of a pair and timeframe that begin in a range, oldest first.
    public func candles(
        _ pair: Pair, _ timeframe: Timeframe, in range: Range<UTCSeconds>, _ selection: CandleSelection
    ) throws -> [Candle] {
        let condition = "\(selection.condition) AND c.open_time >= ? AND c.open_time < ? ORDER BY c.open_time"
        return try candles(Series(pair, timeframe), condition, [range.lowerBound.rawValue, range.upperBound.rawValue])
    }

    public func candles(
        _ pair: Pair, _ timeframe: Timeframe, in range: Range<UTCSeconds>, _ limit: CandleLimit,
        _ selection: CandleSelection
    ) throws -> [Candle] {
        let condition = """
            \(selection.condition) AND c.open_time >= ? AND c.open_time < ? ORDER BY c.open_time \(limit.order) LIMIT ?
            """
        let found = try candles(
            Series(pair, timeframe), condition, [range.lowerBound.rawValue, range.upperBound.rawValue, limit.count])
        return limit.isFirst ? found : found.reversed()
    }

    public func first(
        after start: UTCSeconds, _ pair: Pair, _ timeframe: Timeframe, _ selection: CandleSelection
    ) throws -> Candle? {
        let condition = "\(selection.condition) AND c.open_time > ? ORDER BY c.open_time LIMIT 1"
        return try candles(Series(pair, timeframe), condition, [start.rawValue]).first
    }

    /// How many candles of a pair and timeframe there are.
    public func count(_ pair: Pair, _ timeframe: Timeframe, _ selection: CandleSelection) throws -> Int {
        try read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT COUNT(*) FROM candle c WHERE \(SQLiteReader.ofSeries)\(selection.condition)")
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
            Series(row[0], seconds: row[1])
        }
    }

    static let ofSeries =
        "c.instrument_id = (SELECT id FROM instrument WHERE name = ?) AND c.timeframe = ?"

    private func candles(
        _ series: Series, _ condition: String, _ arguments: [any DatabaseValueConvertible]
    ) throws -> [Candle] {
        try read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT \(Candle.columns) FROM candle c WHERE \(SQLiteReader.ofSeries)\(condition)")
            let key: [any DatabaseValueConvertible] = [series.pair.description, series.timeframe.seconds]
            try statement.setArguments(StatementArguments(key + arguments))
            return try rows(of: statement, db)
        }
    }

    /// Steps through the statement itself: a row of GRDB costs three times what SQLite takes for it.
    private func rows(of statement: Statement, _ db: Database) throws -> [Candle] {
        let handle = statement.sqliteStatement
        defer { sqlite3_reset(handle) }
        var candles: [Candle] = []
        while true {
            switch sqlite3_step(handle) {
            case SQLITE_ROW: candles.append(Candle(handle, try collector(sqlite3_column_int64(handle, 19), db)))
            case SQLITE_DONE: return candles
            case let code: throw DatabaseError(resultCode: ResultCode(rawValue: code))
            }
        }
    }

    private func collector(_ id: Int64, _ db: Database) throws -> Collector {
        if let known = collectorNames[id] { return known }
        let name = try String.fetchOne(db, sql: "SELECT name FROM collector WHERE id = ?", arguments: [id])
        guard let collector = name.flatMap(Collector.init) else {
            throw DatabaseError(message: "collector \(id) of a candle is not known")
        }
        collectorNames[id] = collector
        return collector
    }

    public func together<Answer>(_ questions: () throws -> Answer) throws -> Answer {
        try read { db in
            transaction = db
            defer { transaction = nil }
            return try questions()
        }
    }

    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        do {
            if let transaction { return try body(transaction) }
            return try database.read(body)
        } catch let error as DatabaseError {
            throw StoreError("read", database.path, error)
        }
    }
}

@available(*, unavailable)
extension SQLiteReader: Sendable {}

extension CandleSelection {
    /// As a condition of the table `candle` as `c`.
    fileprivate var condition: String { self == .complete ? " AND c.complete = 1" : "" }
}

extension Candle {
    /// The columns that `init(_: SQLiteStatement)` reads, in its order, of the table `candle` as `c`.
    static let columns: String = {
        let prices = ["bid", "ask", "mid"].flatMap { side in
            ["open", "high", "low", "close"].map { "c.\(side)_\($0)" }
        }
        let others = ["c.tick_count", "c.complete", "c.blind_ms", "c.lost", "c.revision", "c.source", "c.collector_id"]
        return (["c.open_time"] + prices + others).joined(separator: ", ")
    }()

    /// The row at which a statement stands.
    fileprivate init(_ row: SQLiteStatement, _ collector: Collector) {
        func column(_ index: Int32) -> Int64 { sqlite3_column_int64(row, index) }
        func side(_ first: Int32) -> OHLC {
            OHLC(
                open: Price(rawValue: column(first)), high: Price(rawValue: column(first + 1)),
                low: Price(rawValue: column(first + 2)), close: Price(rawValue: column(first + 3)))
        }
        self.init(
            timestamp: column(0), bid: side(1), ask: side(5), mid: side(9), tickCount: Int(column(13)),
            isComplete: column(14) != 0, blindMilliseconds: Int(column(15)), lostUpdates: Int(column(16)),
            revision: Int(column(17)), source: CandleSource(rawValue: UInt8(truncatingIfNeeded: column(18))),
            collector: collector)
    }
}
