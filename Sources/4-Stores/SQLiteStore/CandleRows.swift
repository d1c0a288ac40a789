internal import Candles
internal import GRDB
internal import GRDBSQLite
internal import MarketData
internal import Wire

/// Where a candle's row is.
struct CandleKey {
    let instrument: Int64
    /// Seconds.
    let timeframe: Int64
    let openTime: UTCSeconds
}

/// The rows of candles: of each source an interval has at most one; the highest in rank is in `candle`, where readers
/// look, the others wait in `outranked_candle` for the case that it is withdrawn.
///
/// Made anew for each transaction.
struct CandleRows {
    private let db: Database
    private let insert: Statement

    init(_ db: Database) throws {
        self.db = db
        let sql = CandleRows.insertSQL("INSERT", .seen)
        insert = try db.cachedStatement(
            sql: "\(sql) ON CONFLICT (\(CandleRows.keyColumns.joined(separator: ", "))) DO NOTHING")
    }

    /// Where a candle is kept.
    private enum Table: String {
        case seen = "candle"
        case waiting = "outranked_candle"
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

    private static func insertSQL(_ verb: String, _ table: Table) -> String {
        let marks = Array(repeating: "?", count: keyColumns.count + valueColumns.count).joined(separator: ", ")
        return "\(verb) INTO \(table.rawValue) (\(columns)) VALUES (\(marks))"
    }

    private static let ranksSQL =
        [Table.seen, .waiting].map {
            "SELECT source, flags, revision, '\($0.rawValue)' AS place FROM \($0.rawValue) WHERE \(ofKey)"
        }.joined(separator: " UNION ALL ") + " ORDER BY place"
    private static let streamedSQL = ["candle", "outranked_candle"].map {
        "SELECT \(columns) FROM \($0) WHERE \(ofKey) AND source = \(CandleSource.streamed.rawValue)"
    }.joined(separator: " UNION ALL ")

    /// - Returns: the candle of the interval that a reader now sees; `nil` if it is the same as before.
    func store(_ candle: CandleRecord, _ key: CandleKey, now: UTCNanos) throws -> CandleRecord? {
        let values = CandleRows.values(candle, key, now: now)
        if try execute(insert, values) {
            // Others may wait for it only after a deletion by age that was cut off.
            return candle.flags.contains(.withdrawn) ? try showBest(ranks(key), key, for: candle) ?? candle : candle
        }
        var ranks = try ranks(key)
        let rank = CandleRank(candle)
        let place = ranks.firstIndex { $0.source == candle.source } ?? ranks.count
        if place < ranks.count {
            guard rank.replaces(ranks[place]) else { return nil }
            ranks[place] = rank
        } else {
            ranks.append(rank)
        }
        let sql = CandleRows.insertSQL("INSERT OR REPLACE", place == 0 ? .seen : .waiting)
        _ = try execute(db.cachedStatement(sql: sql), values)
        return try showBest(ranks, key, for: candle) ?? (place == 0 ? candle : nil)
    }

    /// The ranks of an interval's candles: first that which readers see, then those that wait.
    private func ranks(_ key: CandleKey) throws -> [CandleRank] {
        try Row.fetchAll(
            db.cachedStatement(sql: CandleRows.ranksSQL), arguments: arguments(key) + arguments(key)
        ).map { row in
            CandleRank(
                source: CandleSource(rawValue: row[0]), flags: CandleFlags(rawValue: row[1]), revision: row[2])
        }
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
            Int64(candle.flags.rawValue), candle.flags.contains(.partial) ? 0 : 1, CandleRank(candle).level,
        ]
        func update(_ table: Table) throws -> Bool {
            try execute(
                "UPDATE \(table.rawValue) SET flags = ?, complete = ?, rank = ? WHERE \(CandleRows.ofKey) AND source = ?",
                values + arguments(key) + [Int64(candle.source.rawValue)])
        }
        let isSeen = try update(.seen)
        if !isSeen { _ = try update(.waiting) }
        return try showBest(ranks(key), key, for: candle) ?? (isSeen ? candle : nil)
    }

    /// Exchanges the interval's candle for one that waits, if that is better.
    /// - Returns: that one, or `nil`.
    private func showBest(_ ranks: [CandleRank], _ key: CandleKey, for cause: CandleRecord) throws -> CandleRecord? {
        let best = CandleRank.best(of: ranks, seen: 0)
        guard best != 0 else { return nil }
        let source = ranks[best].source
        let number = Int64(source.rawValue)
        let columns = CandleRows.columns
        _ = try execute(
            """
            INSERT OR REPLACE INTO outranked_candle (\(columns)) SELECT \(columns) FROM candle WHERE \(CandleRows.ofKey)
            """, arguments(key))
        _ = try execute(
            """
            INSERT OR REPLACE INTO candle (\(columns))
            SELECT \(columns) FROM outranked_candle WHERE \(CandleRows.ofKey) AND source = ?
            """, arguments(key) + [number])
        _ = try execute(
            "DELETE FROM outranked_candle WHERE \(CandleRows.ofKey) AND source = ?", arguments(key) + [number])
        if source == cause.source { return cause }
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

    private func arguments(_ key: CandleKey) -> StatementArguments {
        [key.instrument, key.timeframe, key.openTime.rawValue]
    }

    private static func values(_ candle: CandleRecord, _ key: CandleKey, now: UTCNanos) -> Values {
        [
            key.instrument, key.timeframe, key.openTime.rawValue,
            candle.bid.open.rawValue, candle.bid.high.rawValue, candle.bid.low.rawValue, candle.bid.close.rawValue,
            candle.ask.open.rawValue, candle.ask.high.rawValue, candle.ask.low.rawValue, candle.ask.close.rawValue,
            candle.mid.open.rawValue, candle.mid.high.rawValue, candle.mid.low.rawValue, candle.mid.close.rawValue,
            Int64(candle.tickCount), Int64(candle.invertedTicks), candle.firstTickTime.rawValue,
            candle.lastTickTime.rawValue, Int64(candle.blindMilliseconds), Int64(candle.lostUpdates),
            candle.flags.contains(.partial) ? 0 : 1, Int64(candle.flags.rawValue), Int64(candle.source.rawValue),
            Int64(CandleRank(candle).level), Int64(candle.revision), Int64(bitPattern: candle.inputPosition),
            candle.publishTime.rawValue, now.seconds.rawValue,
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
        self.init(
            series, start: UTCNanos(seconds: UTCSeconds(rawValue: row["open_time"])), bid: side("bid"),
            ask: side("ask"), mid: side("mid"),
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
