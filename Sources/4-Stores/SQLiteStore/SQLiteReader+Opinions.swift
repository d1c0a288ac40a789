internal import GRDB
public import MarketData
public import Store
public import Wire

/// The broker's own candles, compared with ours. Source: docs/formats.md § 5.
extension SQLiteReader {
    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - first: from which start on.
    /// - Returns: by name of the pair.
    public func agreements(of pairs: [Pair], since first: UTCSeconds) throws -> [OpinionAgreement] {
        let sql = """
            SELECT i.name, o.timeframe, o.verdict, COUNT(*), MAX(o.open_time)
            FROM second_opinion o JOIN instrument i ON i.id = o.instrument_id
            WHERE o.open_time >= ? GROUP BY o.instrument_id, o.timeframe, o.verdict
            """
        let rows = try read { try Row.fetchAll($0, sql: sql, arguments: [first.rawValue]) }
        return OpinionAgreement.all(
            rows.compactMap { row in
                guard let series = Series(row[0], seconds: row[1]), let verdict = OpinionVerdict(rawValue: row[2]),
                    pairs.isEmpty || pairs.contains(series.pair)
                else { return nil }
                return (series, verdict, row[3], UTCSeconds(rawValue: row[4]))
            })
    }

    /// The intervals in which the two differ, newest first.
    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - first: from which start on.
    public func differences(of pairs: [Pair], since first: UTCSeconds) throws -> [OpinionComparison] {
        let sql = """
            SELECT i.name, o.timeframe, o.open_time, o.verdict,
                \((OpinionRows.columns(prefix: "o.native_") + OpinionRows.columns(prefix: "o.")).joined(separator: ", "))
            FROM second_opinion o JOIN instrument i ON i.id = o.instrument_id
            WHERE o.open_time >= ? AND o.verdict IN ('\(OpinionVerdict.differs.rawValue)', \
            '\(OpinionVerdict.disputed.rawValue)')
            ORDER BY o.open_time DESC, i.name
            """
        return try read { try Row.fetchAll($0, sql: sql, arguments: [first.rawValue]) }.compactMap { row in
            guard let series = Series(row[0], seconds: row[1]), pairs.isEmpty || pairs.contains(series.pair),
                let verdict = OpinionVerdict(rawValue: row[3]), let native = CandleOpinion(row, from: 4)
            else { return nil }
            return OpinionComparison(
                series: series, start: UTCSeconds(rawValue: row[2]), verdict: verdict, native: native,
                streamed: CandleOpinion(row, from: 13))
        }
    }

    /// Starts of the intervals of a series, in a range, in which the broker's own candle disputes a collector's.
    public func disputedStarts(
        _ series: Series, of collector: Collector, in range: Range<UTCSeconds>
    ) throws -> Set<UTCSeconds> {
        try read { db in
            let sql = """
                SELECT c.open_time FROM second_opinion c
                WHERE \(Self.ofSeries) AND c.open_time >= ? AND c.open_time < ?
                    AND c.verdict = '\(OpinionVerdict.disputed.rawValue)'
                    AND c.collector_id = (SELECT id FROM collector WHERE name = ?)
                """
            let statement = try db.cachedStatement(sql: sql)
            let arguments: StatementArguments = [
                series.pair.description, series.timeframe.seconds, range.lowerBound.rawValue, range.upperBound.rawValue,
                collector.name,
            ]
            return try Set(Int64.fetchAll(statement, arguments: arguments).map(UTCSeconds.init(rawValue:)))
        }
    }

    /// How many candles from a start on are disputed and not repaired, and the start of the newest.
    public func disputed(since first: UTCSeconds) throws -> (count: Int, newest: UTCSeconds?) {
        try read { db in
            // Until store-writer has brought the database up to date, nothing was compared.
            guard try db.tableExists("second_opinion") else { return (0, nil) }
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT COUNT(*), MAX(open_time)
                    FROM second_opinion JOIN candle USING (instrument_id, timeframe, open_time, collector_id)
                    WHERE verdict = '\(OpinionVerdict.disputed.rawValue)' AND open_time >= ?
                        AND source = \(CandleSource.streamed.rawValue)
                    """, arguments: [first.rawValue])
            return (row?[0] ?? 0, (row?[1] as Int64?).map(UTCSeconds.init(rawValue:)))
        }
    }
}

extension CandleOpinion {
    /// Eight prices and a count; `nil` where they are NULL.
    fileprivate init?(_ row: Row, from first: Int) {
        guard (first..<(first + 9)).allSatisfy({ !row.hasNull(atIndex: $0) }) else { return nil }
        self.init(bid: OHLC(row, from: first), ask: OHLC(row, from: first + 4), ticks: row[first + 8])
    }
}
