internal import GRDB
internal import GRDBSQLite
internal import MarketData
internal import Wire

/// Where a candle's row is.
struct CandleKey {
    let instrument: Int64
    /// Seconds.
    let timeframe: Int64
    /// Unix seconds.
    let openTime: Int64
}

/// The rows of candles: of each source an interval has at most one; the highest in rank is in `candle`, where readers
/// look, the others wait in `outranked_candle` for the case that it is withdrawn.
///
/// Made anew for each transaction.
struct CandleRows {
    private let db: Database
    private let upsert: Statement

    init(_ db: Database) throws {
        self.db = db
        upsert = try db.cachedStatement(sql: CandleRows.upsertSQL)
    }

    private static let keyColumns = ["instrument_id", "timeframe", "open_time"]
    private static let valueColumns = [
        "bid_open", "bid_high", "bid_low", "bid_close",
        "ask_open", "ask_high", "ask_low", "ask_close",
        "mid_open", "mid_high", "mid_low", "mid_close",
        "tick_count", "inverted_ticks", "first_tick_time", "last_tick_time", "blind_ms", "lost",
        "complete", "flags", "source", "rank", "revision", "input_position", "publish_time", "created_at",
    ]
    private static let columns = (keyColumns + valueColumns).joined(separator: ", ")
    private static let ofKey = keyColumns.map { "\($0) = ?" }.joined(separator: " AND ")

    /// Inserts, or replaces the row of the same source where it ranks lower; withdrawn and disputed candles by revision
    /// alone.
    private static func upsert(into table: String, key: [String]) -> String {
        let updates = valueColumns.filter { !key.contains($0) }.map { "\($0) = excluded.\($0)" }
        let count = keyColumns.count + valueColumns.count
        return """
            INSERT INTO \(table) (\(columns)) VALUES (\(Array(repeating: "?", count: count).joined(separator: ", ")))
            ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET \(updates.joined(separator: ", "))
            WHERE excluded.source = \(table).source AND
                CASE WHEN ((excluded.flags | \(table).flags) & \(CandleFlags([.withdrawn, .disputed]).rawValue)) <> 0
                THEN excluded.revision > \(table).revision
                ELSE (excluded.rank, excluded.revision) > (\(table).rank, \(table).revision) END
            """
    }

    private static let upsertSQL = upsert(into: "candle", key: keyColumns)
    private static let streamedSQL = ["candle", "outranked_candle"].map {
        "SELECT \(columns) FROM \($0) WHERE \(ofKey) AND source = \(CandleSource.streamed.rawValue)"
    }.joined(separator: " UNION ALL ")
    private static let keepSQL = upsert(into: "outranked_candle", key: keyColumns + ["source"])

    /// - Returns: the candle of the interval that a reader now sees; `nil` where it is the same as before.
    func store(_ candle: CandleRecord, _ key: CandleKey, now: UTCNanos) throws -> CandleRecord? {
        let values = CandleRows.values(candle, key, now: now)
        if try execute(upsert, values) {
            return candle.flags.contains(.withdrawn) ? try promote(key, for: candle) ?? candle : candle
        }
        let sql = "SELECT source FROM candle WHERE \(CandleRows.ofKey)"
        let seen = try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: arguments(key))
        guard seen != Int64(candle.source.rawValue), try execute(db.cachedStatement(sql: CandleRows.keepSQL), values)
        else { return nil }
        return try promote(key, for: candle)
    }

    /// The streamed candle of the interval, whether readers see it or not; `nil` without one.
    func streamed(_ key: CandleKey, _ series: Series) throws -> CandleRecord? {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: CandleRows.streamedSQL), arguments: arguments(key) + arguments(key))
        return row.map { CandleRecord($0, series) }
    }

    /// Writes anew what is known of a streamed candle beside its ticks: its flags, and the rank that follows from them.
    /// - Returns: the candle of the interval that a reader now sees; `nil` where it is the same as before.
    func mark(_ candle: CandleRecord, _ key: CandleKey) throws -> CandleRecord? {
        let values: StatementArguments = [
            Int64(candle.flags.rawValue), candle.flags.contains(.partial) ? 0 : 1, CandleRank.of(candle),
        ]
        func update(_ table: String) throws -> Bool {
            try execute(
                "UPDATE \(table) SET flags = ?, complete = ?, rank = ? WHERE \(CandleRows.ofKey) AND source = ?",
                values + arguments(key) + [Int64(candle.source.rawValue)])
        }
        guard try update("candle") else {
            _ = try update("outranked_candle")
            return try promote(key, for: candle)
        }
        return try promote(key, for: candle) ?? candle
    }

    /// Exchanges the interval's candle for one that waits, where that ranks higher.
    /// - Returns: that one, or `nil`.
    private func promote(_ key: CandleKey, for cause: CandleRecord) throws -> CandleRecord? {
        let best = """
            SELECT source FROM outranked_candle
            WHERE \(CandleRows.ofKey) AND rank > (SELECT rank FROM candle WHERE \(CandleRows.ofKey))
            ORDER BY rank DESC LIMIT 1
            """
        let twice = arguments(key) + arguments(key)
        guard let source = try Int64.fetchOne(db.cachedStatement(sql: best), arguments: twice) else { return nil }
        let columns = CandleRows.columns
        _ = try execute(
            """
            INSERT OR REPLACE INTO outranked_candle (\(columns)) SELECT \(columns) FROM candle WHERE \(CandleRows.ofKey)
            """, arguments(key))
        _ = try execute(
            """
            INSERT OR REPLACE INTO candle (\(columns))
            SELECT \(columns) FROM outranked_candle WHERE \(CandleRows.ofKey) AND source = ?
            """, arguments(key) + [source])
        _ = try execute(
            "DELETE FROM outranked_candle WHERE \(CandleRows.ofKey) AND source = ?", arguments(key) + [source])
        if source == Int64(cause.source.rawValue) { return cause }
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT * FROM candle WHERE \(CandleRows.ofKey)"), arguments: arguments(key))
        guard let row else { return nil }
        var record = CandleRecord(row, cause.series)
        record.seal(position: cause.position)
        return record
    }

    /// A row's values, in the order of `columns`.
    private typealias Values = [29 of Int64]

    /// Straight to SQLite: every candle passes here, and GRDB's arguments cost as much as the row.
    /// - Returns: whether a row changed.
    private func execute(_ statement: Statement, _ values: Values) throws -> Bool {
        let handle = statement.sqliteStatement
        defer { sqlite3_reset(handle) }
        for index in values.indices { sqlite3_bind_int64(handle, Int32(index + 1), values[index]) }
        let code = sqlite3_step(handle)
        guard code == SQLITE_DONE else {
            let message = db.lastErrorMessage
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: statement.sql)
        }
        return db.changesCount > 0
    }

    /// - Returns: whether a row changed.
    private func execute(_ sql: String, _ arguments: StatementArguments) throws -> Bool {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
        return db.changesCount > 0
    }

    private func arguments(_ key: CandleKey) -> StatementArguments { [key.instrument, key.timeframe, key.openTime] }

    private static func values(_ candle: CandleRecord, _ key: CandleKey, now: UTCNanos) -> Values {
        [
            key.instrument, key.timeframe, key.openTime,
            candle.bid.open.rawValue, candle.bid.high.rawValue, candle.bid.low.rawValue, candle.bid.close.rawValue,
            candle.ask.open.rawValue, candle.ask.high.rawValue, candle.ask.low.rawValue, candle.ask.close.rawValue,
            candle.mid.open.rawValue, candle.mid.high.rawValue, candle.mid.low.rawValue, candle.mid.close.rawValue,
            Int64(candle.tickCount), Int64(candle.invertedTicks), candle.firstTickTime.rawValue,
            candle.lastTickTime.rawValue, Int64(candle.blindMilliseconds), Int64(candle.lostUpdates),
            candle.flags.contains(.partial) ? 0 : 1, Int64(candle.flags.rawValue), Int64(candle.source.rawValue),
            Int64(CandleRank.of(candle)), Int64(candle.revision), Int64(bitPattern: candle.inputPosition),
            candle.publishTime.rawValue, now.seconds,
        ]
    }
}

extension CandleRecord {
    /// A row of the candle table as the record that it was made of, without its position.
    init(_ row: Row, _ series: Series) {
        func side(_ name: String) -> OHLC {
            func price(_ part: String) -> Price { Price(rawValue: row["\(name)_\(part)"]) }
            return OHLC(open: price("open"), high: price("high"), low: price("low"), close: price("close"))
        }
        let source = CandleSource(rawValue: row["source"])
        let openTime: Int64 = row["open_time"]
        self.init(
            series, start: UTCNanos(seconds: openTime), bid: side("bid"), ask: side("ask"), mid: side("mid"),
            source: source,
            inputStream: source == .streamed ? .ticks : .history)
        tickCount = row["tick_count"]
        invertedTicks = row["inverted_ticks"]
        firstTickTime = UTCNanos(rawValue: row["first_tick_time"])
        lastTickTime = UTCNanos(rawValue: row["last_tick_time"])
        blindMilliseconds = row["blind_ms"]
        lostUpdates = row["lost"]
        flags = CandleFlags(rawValue: row["flags"])
        revision = row["revision"]
        inputPosition = UInt64(bitPattern: row["input_position"])
        publishTime = UTCNanos(rawValue: row["publish_time"])
    }
}
