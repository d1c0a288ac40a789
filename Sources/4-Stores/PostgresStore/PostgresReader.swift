public import Host
public import MarketData
public import Store
internal import Wire

/// Reads the database that `PostgresWriter` writes. Read-only: it never blocks the writer.
///
/// A session that was lost is opened anew by the next call.
///
/// - Note: One thread only.
public final class PostgresReader: CandleQueries {
    private let address: PostgresAddress
    private(set) var connection: PostgresConnection
    /// Whether the session hears of commits; `nil` before it was asked to.
    private var hearsCommits: Bool?
    /// By their ids, as far as a candle was read of them.
    private var collectorNames: [Int64: Collector] = [:]

    /// Where the database is.
    public var path: String { address.name }

    /// - Throws: `Failure` (69) if the database has no tables, (75) if the server cannot be reached, (78) if the URI is
    ///   refused; `StoreError`.
    public init(uri: String, environment: Environment) throws {
        address = try PostgresAddress(uri, environment: environment)
        connection = try Self.open(address)
        guard try version() != nil else {
            throw Failure(
                .unavailable, "the database \(path) holds no tables yet: start store-writer, which makes them")
        }
    }

    private static func open(_ address: PostgresAddress) throws -> PostgresConnection {
        let connection = try PostgresConnection.open(address)
        do {
            try connection.run("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            // Otherwise a query with `LIMIT $3` is planned anew each time, which takes longer than the query.
            try connection.run("SET plan_cache_mode = force_generic_plan")
            return connection
        } catch let error as PostgresError {
            throw StoreError("open", address.name, error)
        }
    }

    private func version() throws -> Int64? { try read { try PostgresSchema.version($0) } }

    /// - Throws: `Failure` (75) if store-writer has not yet brought the database up to date.
    public func checkSchema() throws {
        guard try version() == PostgresSchema.newest else {
            throw Failure(
                .temporary,
                """
                database \(path) is not up to date: store-writer is making it now, or has another version: try again in a \
                moment, then restart store-writer
                """)
        }
    }

    /// Of all tables of the schema.
    public func size() throws -> DatabaseSize {
        let sql = """
            SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
            WHERE relkind = 'r' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
            """
        let bytes = try rows(sql).first?[0] ?? 0
        return DatabaseSize(total: bytes, free: nil, onDisk: bytes)
    }

    public func commitCame(withinMilliseconds milliseconds: Int) throws -> Bool? {
        try read { connection in
            switch hearsCommits {
            case .some(true): return try connection.awaitNotification(milliseconds: milliseconds)
            case .some(false): return nil
            case .none:
                let hears = try connection.listen()
                hearsCommits = hears
                return hears ? true : nil
            }
        }
    }

    // MARK: Candles

    /// The last candles of a pair and timeframe, oldest first. One walk along the key, whatever the database holds.
    /// - Parameter count: how many at most.
    public func last(
        _ count: Int, _ pair: Pair, _ timeframe: Timeframe, _ selection: CandleSelection
    ) throws -> [Candle] {
        let condition = "\(selection.condition) ORDER BY c.open_time DESC LIMIT $3"
        return try candles(Series(pair, timeframe), condition, [.int(Int64(count))]).reversed()
    }

    /// The candles of a pair and timeframe that begin in a range, oldest first.
    public func candles(
        _ pair: Pair, _ timeframe: Timeframe, in range: Range<UTCSeconds>, _ selection: CandleSelection
    ) throws -> [Candle] {
        let condition = "\(selection.condition) AND c.open_time >= $3 AND c.open_time < $4 ORDER BY c.open_time"
        return try candles(
            Series(pair, timeframe), condition, [.int(range.lowerBound.rawValue), .int(range.upperBound.rawValue)])
    }

    public func candles(
        _ pair: Pair, _ timeframe: Timeframe, in range: Range<UTCSeconds>, _ limit: CandleLimit,
        _ selection: CandleSelection
    ) throws -> [Candle] {
        let condition = """
            \(selection.condition) AND c.open_time >= $3 AND c.open_time < $4 ORDER BY c.open_time \(limit.order) LIMIT $5
            """
        let found = try candles(
            Series(pair, timeframe), condition,
            [.int(range.lowerBound.rawValue), .int(range.upperBound.rawValue), .int(Int64(limit.count))])
        return limit.isFirst ? found : found.reversed()
    }

    public func first(
        after start: UTCSeconds, _ pair: Pair, _ timeframe: Timeframe, _ selection: CandleSelection
    ) throws -> Candle? {
        let condition = "\(selection.condition) AND c.open_time > $3 ORDER BY c.open_time LIMIT 1"
        return try candles(Series(pair, timeframe), condition, [.int(start.rawValue)]).first
    }

    private func candles(_ series: Series, _ condition: String, _ values: [SQLValue]) throws -> [Candle] {
        let sql = "SELECT \(Candle.columns) FROM candle c WHERE \(Self.ofSeries)\(condition)"
        return try read { connection in
            try connection.execute(sql, series.values + values).map { row in
                try Candle(row, collector(row[19], connection))
            }
        }
    }

    private func collector(_ id: Int64, _ connection: PostgresConnection) throws -> Collector {
        if let known = collectorNames[id] { return known }
        let rows = try connection.execute("SELECT name FROM collector WHERE id = $1", [.int(id)])
        guard let collector = rows.first.flatMap({ Collector($0.text(0)) }) else {
            throw PostgresError(state: "XX000", message: "collector \(id) of a candle is not known")
        }
        collectorNames[id] = collector
        return collector
    }

    /// How many candles of a pair and timeframe there are.
    public func count(_ pair: Pair, _ timeframe: Timeframe, _ selection: CandleSelection) throws -> Int {
        let sql = "SELECT count(*) FROM candle c WHERE \(Self.ofSeries)\(selection.condition)"
        return Int(try rows(sql, Series(pair, timeframe).values).first?[0] ?? 0)
    }

    /// The pairs and timeframes of which there is a candle, by name.
    public func series() throws -> [Series] {
        // A search for each, instead of a walk along all rows; without the order PostgreSQL gathers all of a month first.
        let sql = """
            SELECT i.name, t.seconds FROM instrument i, timeframe t, LATERAL (
                SELECT 1 FROM candle c WHERE c.instrument_id = i.id AND c.timeframe = t.seconds
                ORDER BY c.open_time DESC LIMIT 1) found
            ORDER BY i.name, t.seconds
            """
        return try rows(sql).compactMap { Series($0.text(0), seconds: $0[1]) }
    }

    static let ofSeries = "c.instrument_id = (SELECT id FROM instrument WHERE name = $1) AND c.timeframe = $2"

    // MARK: Reading

    func rows(_ sql: String, _ values: [SQLValue] = []) throws -> SQLRows {
        try read { try $0.execute(sql, values) }
    }

    /// Several statements that see the database at one moment.
    func snapshot<Result>(_ body: (PostgresConnection) throws -> Result) throws -> Result {
        try read { connection in
            try connection.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") { try body(connection) }
        }
    }

    private func read<Result>(_ body: (PostgresConnection) throws -> Result) throws -> Result {
        if connection.isLost {
            connection = try Self.open(address)
            hearsCommits = nil
            collectorNames = [:]
        }
        do {
            return try body(connection)
        } catch let error as PostgresError {
            throw StoreError("read", path, error)
        }
    }
}

@available(*, unavailable)
extension PostgresReader: Sendable {}

extension CandleSelection {
    /// As a condition of the table `candle` as `c`.
    fileprivate var condition: String { self == .complete ? " AND c.complete = 1" : "" }
}

extension Series {
    /// The parameters of `PostgresReader.ofSeries`.
    var values: [SQLValue] { [.text(pair.description), .int(timeframe.seconds)] }
}

extension Candle {
    /// The columns that `init(_: SQLRow)` reads, in its order, of the table `candle` as `c`.
    fileprivate static let columns: String = {
        let prices = ["bid", "ask", "mid"].flatMap { side in
            ["open", "high", "low", "close"].map { "c.\(side)_\($0)" }
        }
        let others = ["c.tick_count", "c.complete", "c.blind_ms", "c.lost", "c.revision", "c.source", "c.collector_id"]
        return (["c.open_time"] + prices + others).joined(separator: ", ")
    }()

    fileprivate init(_ row: SQLRow, _ collector: Collector) {
        self.init(
            timestamp: row[0], bid: OHLC(row, from: 1), ask: OHLC(row, from: 5), mid: OHLC(row, from: 9),
            tickCount: Int(row[13]), isComplete: row[14] != 0, blindMilliseconds: Int(row[15]),
            lostUpdates: Int(row[16]), revision: Int(row[17]),
            source: CandleSource(rawValue: UInt8(truncatingIfNeeded: row[18])), collector: collector)
    }
}
