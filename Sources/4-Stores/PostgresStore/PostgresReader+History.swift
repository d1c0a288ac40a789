public import MarketData
public import Store
public import Wire

/// What the planner of history purchases must know.
extension PostgresReader {
    /// What is known of the intervals that start in `range`.
    public func starts(_ series: Series, in range: Range<UTCSeconds>) throws -> IntervalStarts {
        try snapshot { connection in
            /// Split by a column that is 0 or 1.
            func list(_ table: String, by flag: String) throws -> (set: [UTCSeconds], unset: [UTCSeconds]) {
                let sql = """
                    SELECT c.open_time, c.\(flag) FROM \(table) c
                    WHERE \(Self.ofSeries) AND c.open_time >= $3 AND c.open_time < $4 ORDER BY c.open_time
                    """
                var lists: (set: [UTCSeconds], unset: [UTCSeconds]) = ([], [])
                let bounds = [range.lowerBound, range.upperBound].map { SQLValue.int($0.rawValue) }
                for row in try connection.execute(sql, series.values + bounds) {
                    let start = UTCSeconds(rawValue: row[0])
                    if row[1] == 1 { lists.set.append(start) } else { lists.unset.append(start) }
                }
                return lists
            }
            var starts = IntervalStarts()
            (starts.complete, starts.partial) = try list("candle", by: "complete")
            (starts.unusable, starts.empty) = try list("empty_interval", by: "unusable")
            return starts
        }
    }

    /// Start of the newest streamed candle of a series; `nil` without any. A candle that a wrong time of the broker made,
    /// before that was taken back, does not count.
    public func newestStreamed(_ series: Series) throws -> UTCSeconds? {
        try newest(series, "AND c.source = \(CandleSource.streamed.rawValue)")
    }

    /// Start of the newest candle of a series; as `newestStreamed`.
    public func newest(_ series: Series) throws -> UTCSeconds? { try newest(series, "") }

    private func newest(_ series: Series, _ condition: String) throws -> UTCSeconds? {
        var isRight = ""
        var values: [SQLValue] = []
        for collector in try collectors() {
            let own = SQLValue.text(collector.name)
            guard let reset = try rows(Self.resetSQL, [own]).first.map(ClockReset.init) else { continue }
            let first = values.count + 3
            isRight += """
                 AND (c.source <> \(CandleSource.streamed.rawValue)
                OR c.collector_id <> (SELECT id FROM collector WHERE name = $\(first))
                OR c.input_position > $\(first + 1) OR c.open_time + c.timeframe <= $\(first + 2))
                """
            values += [own, .int(Int64(bitPattern: reset.position)), .int(reset.time.seconds.rawValue)]
        }
        return try bound(series, "\(condition)\(isRight) ORDER BY c.open_time DESC LIMIT 1", values)
    }

    /// Start of the oldest streamed candle of a series; `nil` without any.
    public func oldestStreamed(_ series: Series, _ selection: CandleSelection) throws -> UTCSeconds? {
        let isWhole = selection == .complete ? " AND c.complete = 1" : ""
        return try bound(
            series, "AND c.source = \(CandleSource.streamed.rawValue)\(isWhole) ORDER BY c.open_time LIMIT 1")
    }

    private func bound(_ series: Series, _ condition: String, _ values: [SQLValue] = []) throws -> UTCSeconds? {
        let sql = "SELECT c.open_time FROM candle c WHERE \(Self.ofSeries) \(condition)"
        return try rows(sql, series.values + values).first.map { UTCSeconds(rawValue: $0[0]) }
    }

    /// The candle of an interval that readers see; `nil` if it is missing.
    public func record(_ series: Series, start: UTCSeconds) throws -> CollectedCandle? {
        try collected("candle", series, "AND c.open_time = $3", [.int(start.rawValue)]).first
    }

    /// Up to when candles and feed events were deleted by age; 0: never.
    public func forgottenBefore() throws -> UTCSeconds {
        UTCSeconds(rawValue: try rows("SELECT before FROM forgotten").first?[0] ?? 0)
    }

    /// All stored candles of a series as the records that they were made of, without their positions, oldest first.
    public func records(_ series: Series) throws -> [CandleRecord] {
        try collected("candle", series, "ORDER BY c.open_time").map(\.record)
    }

    /// The candles of a series that start in a range, as `records`.
    public func records(_ series: Series, in range: Range<UTCSeconds>) throws -> [CandleRecord] {
        let condition = "AND c.open_time >= $3 AND c.open_time < $4 ORDER BY c.open_time"
        let bounds: [SQLValue] = [.int(range.lowerBound.rawValue), .int(range.upperBound.rawValue)]
        return try collected("candle", series, condition, bounds).map(\.record)
    }

    /// The candles of other sources and collectors that wait for an interval's candle to be withdrawn, the best first.
    public func outranked(_ series: Series, start: UTCSeconds) throws -> [CollectedCandle] {
        let condition = "AND c.open_time = $3 ORDER BY c.rank DESC, c.tick_count DESC, o.name"
        return try collected("outranked_candle", series, condition, [.int(start.rawValue)])
    }

    /// The streamed candles of all collectors that start in a range, whether readers see them or not, by start and name.
    public func streamed(_ series: Series, in range: Range<UTCSeconds>) throws -> [CollectedCandle] {
        let condition =
            "AND c.open_time >= $3 AND c.open_time < $4 AND c.source = \(CandleSource.streamed.rawValue)"
        return try ["candle", "outranked_candle"].flatMap {
            try collected($0, series, condition, [.int(range.lowerBound.rawValue), .int(range.upperBound.rawValue)])
        }
        .sorted { ($0.record.start, $0.collector) < ($1.record.start, $1.collector) }
    }

    private static let recordColumns = (["open_time"] + CandleRow.valueColumns).map { "c.\($0)" }.joined(
        separator: ", ")

    private func collected(
        _ table: String, _ series: Series, _ condition: String, _ values: [SQLValue] = []
    ) throws -> [CollectedCandle] {
        let sql = """
            SELECT \(Self.recordColumns), o.name FROM \(table) c JOIN collector o ON o.id = c.collector_id
            WHERE \(Self.ofSeries) \(condition)
            """
        return try snapshot { connection in
            try connection.execute(sql, series.values + values).map { row in
                let kept = try CandleRow(row, from: 1, series, start: UTCSeconds(rawValue: row[0]))
                return CollectedCandle(kept.candle, collector: kept.collector.name)
            }
        }
    }

    /// The last position of a collector's stream that is in the database; of `history`, that of its last record that came
    /// through.
    public func position(of stream: Stream, collector: Collector) throws -> UInt64 {
        try snapshot { try $0.position(of: stream, collector: collector) }
    }

    /// The ledger of a collector's account, oldest first.
    public func ledger(of collector: Collector) throws -> [LedgerRow] {
        let sql = """
            SELECT position, pair, timeframe, first, last, points, sent_at, repair, outcome, paid, remaining, total,
                renews_at, replied_at, clock_offset
            FROM quota_ledger WHERE \(Self.ofCollector) ORDER BY position
            """
        return try rows(sql, [.text(collector.name)]).compactMap(LedgerRow.init)
    }
}

extension LedgerRow {
    fileprivate init?(_ row: SQLRow) {
        guard let series = Series(row.text(1), seconds: row[2]) else { return nil }
        func time(_ column: Int) -> UTCNanos { UTCNanos(seconds: UTCSeconds(rawValue: row[column])) }
        let position = UInt64(bitPattern: row[0])
        let request = HistoryRequest(
            series: series, first: UTCSeconds(rawValue: row[3]), last: UTCSeconds(rawValue: row[4]),
            points: Int(row[5]), sent: time(6), isRepair: row[7] == 1)
        guard let outcome = HistoryReply.Outcome(name: row.text(8)) else {
            self.init(position: position, request: request, reply: nil)
            return
        }
        var allowance: HistoryReply.Allowance?
        if let remaining = row.optional(10), let total = row.optional(11) {
            allowance = HistoryReply.Allowance(
                remaining: Int(remaining), total: Int(total), renewal: UTCSeconds(rawValue: row[12]))
        }
        let reply = HistoryReply(
            request: position, outcome: outcome, points: Int(row[9]), allowance: allowance, received: time(13),
            clockOffset: row.optional(14))
        self.init(position: position, request: request, reply: reply)
    }
}
