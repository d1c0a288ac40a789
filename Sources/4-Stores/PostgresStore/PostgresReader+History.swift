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
        let reset = try rows(Self.resetSQL).first.map(ClockReset.init)
        let isRight =
            reset == nil
            ? ""
            : """
            AND (c.source <> \(CandleSource.streamed.rawValue) OR c.input_position > $3 OR c.open_time + c.timeframe <= $4)
            """
        let values = reset.map { [SQLValue.int(Int64(bitPattern: $0.position)), .int($0.time.seconds.rawValue)] } ?? []
        return try bound(series, "\(condition) \(isRight) ORDER BY c.open_time DESC LIMIT 1", values)
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

    /// The candle of an interval as the record that it was made of, without its position; `nil` if it is missing.
    public func record(_ series: Series, start: UTCSeconds) throws -> CandleRecord? {
        try records("candle", series, "AND c.open_time = $3", [.int(start.rawValue)]).first
    }

    /// Up to when candles and feed events were deleted by age; 0: never.
    public func forgottenBefore() throws -> UTCSeconds {
        UTCSeconds(rawValue: try rows("SELECT before FROM forgotten").first?[0] ?? 0)
    }

    /// All stored candles of a series as the records that they were made of, without their positions, oldest first.
    public func records(_ series: Series) throws -> [CandleRecord] {
        try records("candle", series, "ORDER BY c.open_time")
    }

    /// The candles of other sources that wait for an interval's candle to be withdrawn, the highest in rank first.
    public func outranked(_ series: Series, start: UTCSeconds) throws -> [CandleRecord] {
        try records("outranked_candle", series, "AND c.open_time = $3 ORDER BY c.rank DESC", [.int(start.rawValue)])
    }

    private static let recordColumns = (["open_time"] + CandleRow.valueColumns).map { "c.\($0)" }.joined(
        separator: ", ")

    private func records(
        _ table: String, _ series: Series, _ condition: String, _ values: [SQLValue] = []
    ) throws -> [CandleRecord] {
        let sql = "SELECT \(Self.recordColumns) FROM \(table) c WHERE \(Self.ofSeries) \(condition)"
        return try rows(sql, series.values + values).map { row in
            CandleRow(row, from: 1, series, start: UTCSeconds(rawValue: row[0])).candle
        }
    }

    /// The last position of a stream that is in the database; of `history`, that of its last record that came through.
    public func position(of stream: Stream) throws -> UInt64 { try snapshot { try $0.position(of: stream) } }

    /// The quota ledger, oldest first.
    public func ledger() throws -> [LedgerRow] {
        let sql = """
            SELECT position, pair, timeframe, first, last, points, sent_at, repair, outcome, paid, remaining, total,
                renews_at, replied_at, clock_offset
            FROM quota_ledger ORDER BY position
            """
        return try rows(sql).compactMap(LedgerRow.init)
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
