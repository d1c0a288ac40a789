internal import Candles
internal import GRDB
internal import GRDBSQLite
internal import MarketData
internal import Store
internal import Wire

/// Where a candle's row is.
struct CandleKey {
    let instrument: Int64
    /// Seconds.
    let timeframe: Int64
    let openTime: UTCSeconds
}

/// The rows of a collector's candles: of each source and collector an interval has at most one; the best is in `candle`,
/// where readers look, the others wait in `outranked_candle` for the case that it is withdrawn.
///
/// Made anew for each transaction.
struct CandleRows {
    private let db: Database
    let collector: CollectorKey
    private let insert: Statement

    init(_ db: Database, _ collector: CollectorKey) throws {
        self.db = db
        self.collector = collector
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
        "collector_id",
    ]
    private static let columns = (keyColumns + valueColumns).joined(separator: ", ")
    private static let ofKey = keyColumns.map { "\($0) = ?" }.joined(separator: " AND ")

    private static func insertSQL(_ verb: String, _ table: Table) -> String {
        let marks = Array(repeating: "?", count: keyColumns.count + valueColumns.count).joined(separator: ", ")
        return "\(verb) INTO \(table.rawValue) (\(columns)) VALUES (\(marks))"
    }

    /// Of a candle among the others of its interval.
    private static let ofOrigin = "source = ? AND collector_id = ?"

    private static let ranksSQL =
        [Table.seen, .waiting].map { table in
            """
            SELECT source, o.name, flags, revision, tick_count, collector_id, '\(table.rawValue)' AS place
            FROM \(table.rawValue) JOIN collector o ON o.id = collector_id WHERE \(ofKey)
            """
        }.joined(separator: " UNION ALL ") + " ORDER BY place"
    private static let originSQL = [Table.seen, .waiting].map {
        "SELECT \(columns) FROM \($0.rawValue) WHERE \(ofKey) AND \(ofOrigin)"
    }.joined(separator: " UNION ALL ")

    /// A stored candle's rank, and the id of its collector.
    private struct Kept {
        var rank: CandleRank
        let collectorID: Int64

        init(_ rank: CandleRank, _ collectorID: Int64) { (self.rank, self.collectorID) = (rank, collectorID) }

        init(_ row: Row) throws {
            let name: String = row[1]
            guard let collector = Collector(name) else {
                throw DatabaseError(message: "'\(name)' is not the name of a collector")
            }
            rank = CandleRank(
                source: CandleSource(rawValue: row[0]), collector: collector, flags: CandleFlags(rawValue: row[2]),
                revision: row[3], tickCount: row[4])
            collectorID = row[5]
        }

        /// In the order of `ofOrigin`.
        var origin: StatementArguments { [Int64(rank.source.rawValue), collectorID] }
    }

    /// - Returns: the candle of the interval that a reader now sees; `nil` if it is the same as before.
    func store(_ candle: CandleRecord, _ key: CandleKey, now: UTCNanos) throws -> CandleRecord? {
        let values = values(candle, key, now: now)
        if try execute(insert, values) {
            // Others may wait for it only after a deletion by age that was cut off.
            return candle.flags.contains(.withdrawn) ? try showBest(kept(key), key, for: candle) ?? candle : candle
        }
        var kept = try kept(key)
        let rank = CandleRank(candle, collector.name)
        let place = kept.firstIndex { rank.isRevision(of: $0.rank) } ?? kept.count
        if place < kept.count {
            guard rank.replaces(kept[place].rank) else { return nil }
            kept[place].rank = rank
        } else {
            kept.append(Kept(rank, collector.id))
        }
        let sql = CandleRows.insertSQL("INSERT OR REPLACE", place == 0 ? .seen : .waiting)
        _ = try execute(db.cachedStatement(sql: sql), values)
        return try showBest(kept, key, for: candle) ?? (place == 0 ? candle : nil)
    }

    /// An interval's candles: first that which readers see, then those that wait.
    private func kept(_ key: CandleKey) throws -> [Kept] {
        try Row.fetchAll(
            db.cachedStatement(sql: CandleRows.ranksSQL), arguments: arguments(key) + arguments(key)
        ).map(Kept.init)
    }

    /// The collector's streamed candle of the interval, whether readers see it or not; `nil` without one.
    func streamed(_ key: CandleKey, _ series: Series) throws -> CandleRecord? {
        let origin: StatementArguments = [Int64(CandleSource.streamed.rawValue), collector.id]
        let own = arguments(key) + origin
        let row = try Row.fetchOne(db.cachedStatement(sql: CandleRows.originSQL), arguments: own + own)
        return row.map { CandleRecord($0, series) }
    }

    /// Writes anew what is known of a streamed candle beside its ticks: its flags, and the rank that follows from them.
    /// - Returns: the candle of the interval that a reader now sees; `nil` where it is the same as before.
    func mark(_ candle: CandleRecord, _ key: CandleKey) throws -> CandleRecord? {
        let values: StatementArguments = [
            Int64(candle.flags.rawValue), candle.flags.contains(.partial) ? 0 : 1,
            CandleRank(candle, collector.name).level,
        ]
        func update(_ table: Table) throws -> Bool {
            try execute(
                """
                UPDATE \(table.rawValue) SET flags = ?, complete = ?, rank = ?
                WHERE \(CandleRows.ofKey) AND \(CandleRows.ofOrigin)
                """, values + arguments(key) + [Int64(candle.source.rawValue), collector.id])
        }
        let isSeen = try update(.seen)
        if !isSeen { _ = try update(.waiting) }
        return try showBest(kept(key), key, for: candle) ?? (isSeen ? candle : nil)
    }

    /// Exchanges the interval's candle for one that waits, if that is better.
    /// - Returns: that one, or `nil`.
    private func showBest(_ kept: [Kept], _ key: CandleKey, for cause: CandleRecord) throws -> CandleRecord? {
        let place = CandleRank.best(of: kept.map(\.rank))
        guard place != 0 else { return nil }
        let best = kept[place]
        let columns = CandleRows.columns
        _ = try execute(
            """
            INSERT OR REPLACE INTO outranked_candle (\(columns)) SELECT \(columns) FROM candle WHERE \(CandleRows.ofKey)
            """, arguments(key))
        _ = try execute(
            """
            INSERT OR REPLACE INTO candle (\(columns))
            SELECT \(columns) FROM outranked_candle WHERE \(CandleRows.ofKey) AND \(CandleRows.ofOrigin)
            """, arguments(key) + best.origin)
        _ = try execute(
            "DELETE FROM outranked_candle WHERE \(CandleRows.ofKey) AND \(CandleRows.ofOrigin)",
            arguments(key) + best.origin)
        if best.rank.isRevision(of: CandleRank(cause, collector.name)) { return cause }
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT * FROM candle WHERE \(CandleRows.ofKey)"), arguments: arguments(key))
        guard let row else { return nil }
        var record = CandleRecord(row, cause.series)
        record.seal(position: cause.position)
        return record
    }

    /// A row's values, in the order of `columns`.
    private typealias Values = [30 of Int64]

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

    private func values(_ candle: CandleRecord, _ key: CandleKey, now: UTCNanos) -> Values {
        [
            key.instrument, key.timeframe, key.openTime.rawValue,
            candle.bid.open.rawValue, candle.bid.high.rawValue, candle.bid.low.rawValue, candle.bid.close.rawValue,
            candle.ask.open.rawValue, candle.ask.high.rawValue, candle.ask.low.rawValue, candle.ask.close.rawValue,
            candle.mid.open.rawValue, candle.mid.high.rawValue, candle.mid.low.rawValue, candle.mid.close.rawValue,
            Int64(candle.tickCount), Int64(candle.invertedTicks), candle.firstTickTime.rawValue,
            candle.lastTickTime.rawValue, Int64(candle.blindMilliseconds), Int64(candle.lostUpdates),
            candle.flags.contains(.partial) ? 0 : 1, Int64(candle.flags.rawValue), Int64(candle.source.rawValue),
            Int64(CandleRank(candle, collector.name).level), Int64(candle.revision),
            Int64(bitPattern: candle.inputPosition), candle.publishTime.rawValue, now.seconds.rawValue, collector.id,
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
