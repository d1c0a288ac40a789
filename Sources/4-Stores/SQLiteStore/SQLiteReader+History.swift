internal import GRDB
internal import Host
public import MarketData
public import Store
public import Wire

/// What the planner of history purchases must know.
extension SQLiteReader {
    /// - Throws: `Failure` (75) where store-writer has not yet brought the database up to date.
    public func checkSchema() throws {
        guard try read({ try Schema.migrator.hasCompletedMigrations($0) }) else {
            throw Failure(
                .temporary,
                """
                database \(path) is not up to date: store-writer is making it now, or has another version: try again in a \
                moment, then restart store-writer
                """)
        }
    }

    /// What is known of the intervals that start in `range`.
    public func starts(_ series: Series, in range: Range<UTCSeconds>) throws -> IntervalStarts {
        /// Split by a column that is 0 or 1.
        func list(_ table: String, by flag: String, _ db: Database) throws -> (set: [UTCSeconds], unset: [UTCSeconds]) {
            let statement = try db.cachedStatement(
                sql: """
                    SELECT open_time, \(flag) FROM \(table)
                    WHERE instrument_id = (SELECT id FROM instrument WHERE name = ?) AND timeframe = ?
                        AND open_time >= ? AND open_time < ?
                    """)
            let rows = try Row.fetchCursor(
                statement,
                arguments: [
                    series.pair.description, series.timeframe.seconds, range.lowerBound.rawValue,
                    range.upperBound.rawValue,
                ])
            var lists: (set: [UTCSeconds], unset: [UTCSeconds]) = ([], [])
            while let row = try rows.next() {
                let start = UTCSeconds(rawValue: row[0])
                if row[1] as Bool { lists.set.append(start) } else { lists.unset.append(start) }
            }
            return lists
        }
        return try read { db in
            var starts = IntervalStarts()
            (starts.complete, starts.partial) = try list("candle", by: "complete", db)
            (starts.unusable, starts.empty) = try list("empty_interval", by: "unusable", db)
            return starts
        }
    }

    /// Start of the newest streamed candle of a series; `nil` without any. A candle that a wrong time of the broker made,
    /// before that was taken back, does not count.
    public func newestStreamed(_ series: Series) throws -> UTCSeconds? {
        try newest(series, "AND source = \(CandleSource.streamed.rawValue)")
    }

    /// Start of the newest candle of a series; as `newestStreamed`.
    public func newest(_ series: Series) throws -> UTCSeconds? { try newest(series, "") }

    private func newest(_ series: Series, _ condition: String) throws -> UTCSeconds? {
        let isRight = try collectors().map { collector in
            try read { try SQLiteReader.clockReset(of: collector, $0) }.map { reset in
                """
                AND (source <> \(CandleSource.streamed.rawValue) \
                OR collector_id <> (SELECT id FROM collector WHERE name = '\(collector)') \
                OR input_position > \(Int64(bitPattern: reset.position)) \
                OR open_time + timeframe <= \(reset.time.seconds.rawValue))
                """
            } ?? ""
        }.joined()
        return try bound(series, "open_time", " \(condition) \(isRight) ORDER BY open_time DESC LIMIT 1")
    }

    /// Start of the oldest streamed candle of a series; `nil` without any.
    public func oldestStreamed(_ series: Series, _ selection: CandleSelection) throws -> UTCSeconds? {
        let isWhole = selection == .complete ? " AND complete = 1" : ""
        let condition = " AND source = \(CandleSource.streamed.rawValue)\(isWhole) ORDER BY open_time LIMIT 1"
        return try bound(series, "open_time", condition)
    }

    private func bound(_ series: Series, _ value: String, _ condition: String) throws -> UTCSeconds? {
        try read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT \(value) FROM candle
                    WHERE instrument_id = (SELECT id FROM instrument WHERE name = ?) AND timeframe = ?\(condition)
                    """)
            return try Int64.fetchOne(
                statement, arguments: [series.pair.description, series.timeframe.seconds]
            ).map(UTCSeconds.init(rawValue:))
        }
    }

    /// The candle of an interval that readers see; `nil` if it is missing.
    public func record(_ series: Series, start: UTCSeconds) throws -> CollectedCandle? {
        try collected("candle", series, "AND c.open_time = ?", [start.rawValue]).first
    }

    /// Up to when candles and feed events were deleted by age; 0: never.
    public func forgottenBefore() throws -> UTCSeconds {
        UTCSeconds(rawValue: try read { try Int64.fetchOne($0, sql: "SELECT before FROM forgotten") ?? 0 })
    }

    /// All stored candles of a series as the records that they were made of, without their positions, oldest first.
    public func records(_ series: Series) throws -> [CandleRecord] {
        try collected("candle", series, "ORDER BY c.open_time", []).map(\.record)
    }

    /// The candles of a series that start in a range, as `records`.
    public func records(_ series: Series, in range: Range<UTCSeconds>) throws -> [CandleRecord] {
        let condition = "AND c.open_time >= ? AND c.open_time < ? ORDER BY c.open_time"
        let bounds = [range.lowerBound.rawValue, range.upperBound.rawValue]
        return try collected("candle", series, condition, bounds).map(\.record)
    }

    /// The candles of other sources and collectors that wait for an interval's candle to be withdrawn, the best first.
    public func outranked(_ series: Series, start: UTCSeconds) throws -> [CollectedCandle] {
        let condition = "AND c.open_time = ? ORDER BY c.rank DESC, c.tick_count DESC, o.name"
        return try collected("outranked_candle", series, condition, [start.rawValue])
    }

    /// The streamed candles of all collectors that start in a range, whether readers see them or not, by start and name.
    public func streamed(_ series: Series, in range: Range<UTCSeconds>) throws -> [CollectedCandle] {
        let condition =
            "AND c.open_time >= ? AND c.open_time < ? AND c.source = \(CandleSource.streamed.rawValue)"
        return try ["candle", "outranked_candle"].flatMap {
            try collected($0, series, condition, [range.lowerBound.rawValue, range.upperBound.rawValue])
        }
        .sorted { ($0.record.start, $0.collector) < ($1.record.start, $1.collector) }
    }

    private func collected(
        _ table: String, _ series: Series, _ condition: String, _ more: [Int64]
    ) throws -> [CollectedCandle] {
        let sql = """
            SELECT c.*, o.name AS collector FROM \(table) c JOIN collector o ON o.id = c.collector_id
            WHERE \(SQLiteReader.ofSeries) \(condition)
            """
        let key: [any DatabaseValueConvertible] = [series.pair.description, series.timeframe.seconds]
        return try read { db in
            let rows = try Row.fetchCursor(
                db.cachedStatement(sql: sql), arguments: StatementArguments(key + more))
            var candles: [CollectedCandle] = []
            while let row = try rows.next() {
                guard let collector = Collector(row["collector"]) else { continue }
                candles.append(CollectedCandle(CandleRecord(row, series), collector: collector))
            }
            return candles
        }
    }

    /// The last position of a collector's stream that is in the database; of `history`, that of its last record that came
    /// through.
    public func position(of stream: Stream, collector: Collector) throws -> UInt64 {
        try read { try $0.position(of: stream, collector: collector) }
    }

    /// The ledger of a collector's account, oldest first.
    public func ledger(of collector: Collector) throws -> [LedgerRow] {
        let sql = "SELECT * FROM quota_ledger WHERE \(SQLiteReader.ofCollector) ORDER BY position"
        return try read { db in
            try Row.fetchAll(db, sql: sql, arguments: ["collector": collector.name]).compactMap(LedgerRow.init)
        }
    }
}

extension LedgerRow {
    fileprivate init?(_ row: Row) {
        guard let series = Series(row["pair"], seconds: row["timeframe"]) else { return nil }
        let position = UInt64(bitPattern: row["position"])
        let request = HistoryRequest(
            series: series, first: UTCSeconds(rawValue: row["first"]), last: UTCSeconds(rawValue: row["last"]),
            points: row["points"],
            sent: UTCNanos(seconds: UTCSeconds(rawValue: row["sent_at"])), isRepair: row["repair"] as Bool? ?? false)
        guard let outcome = HistoryReply.Outcome(name: row["outcome"]) else {
            self.init(position: position, request: request, reply: nil)
            return
        }
        var allowance: HistoryReply.Allowance?
        if let remaining: Int = row["remaining"], let total: Int = row["total"] {
            allowance = HistoryReply.Allowance(
                remaining: remaining, total: total, renewal: UTCSeconds(rawValue: row["renews_at"] as Int64? ?? 0))
        }
        let reply = HistoryReply(
            request: position, outcome: outcome, points: row["paid"] as Int? ?? 0, allowance: allowance,
            received: UTCNanos(seconds: UTCSeconds(rawValue: row["replied_at"] as Int64? ?? 0)),
            clockOffset: row["clock_offset"])
        self.init(position: position, request: request, reply: reply)
    }
}
