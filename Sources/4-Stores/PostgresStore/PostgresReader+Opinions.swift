public import MarketData
public import Store
public import Wire

/// The broker's own candles, compared with ours. Source: docs/formats.md § 5.
extension PostgresReader {
    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - first: from which start on.
    /// - Returns: by name of the pair.
    public func agreements(of pairs: [Pair], since first: UTCSeconds) throws -> [OpinionAgreement] {
        let sql = """
            SELECT i.name, o.timeframe, o.verdict, count(*), max(o.open_time)
            FROM second_opinion o JOIN instrument i ON i.id = o.instrument_id
            WHERE o.open_time >= $1 GROUP BY i.name, o.timeframe, o.verdict
            """
        return OpinionAgreement.all(
            try rows(sql, [.int(first.rawValue)]).compactMap { row in
                guard let series = Series(row.text(0), seconds: row[1]),
                    let verdict = OpinionVerdict(rawValue: row.text(2)), pairs.isEmpty || pairs.contains(series.pair)
                else { return nil }
                return (series, verdict, Int(row[3]), UTCSeconds(rawValue: row[4]))
            })
    }

    /// The intervals in which the two differ, newest first.
    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - first: from which start on.
    public func differences(of pairs: [Pair], since first: UTCSeconds) throws -> [OpinionComparison] {
        let sql = """
            SELECT i.name, o.timeframe, o.open_time, o.verdict,
                \((OpinionRow.columns(prefix: "o.native_") + OpinionRow.columns(prefix: "o.")).joined(separator: ", "))
            FROM second_opinion o JOIN instrument i ON i.id = o.instrument_id
            WHERE o.open_time >= $1 AND o.verdict IN ('\(OpinionVerdict.differs.rawValue)', \
            '\(OpinionVerdict.disputed.rawValue)')
            ORDER BY o.open_time DESC, i.name
            """
        return try rows(sql, [.int(first.rawValue)]).compactMap { row in
            guard let series = Series(row.text(0), seconds: row[1]), pairs.isEmpty || pairs.contains(series.pair),
                let verdict = OpinionVerdict(rawValue: row.text(3)), let native = CandleOpinion(row, from: 4)
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
        let sql = """
            SELECT c.open_time FROM second_opinion c
            WHERE \(Self.ofSeries) AND c.open_time >= $3 AND c.open_time < $4
                AND c.verdict = '\(OpinionVerdict.disputed.rawValue)'
                AND c.collector_id = (SELECT id FROM collector WHERE name = $5)
            """
        let values: [SQLValue] = [
            .int(range.lowerBound.rawValue), .int(range.upperBound.rawValue), .text(collector.name),
        ]
        return Set(try rows(sql, series.values + values).map { UTCSeconds(rawValue: $0[0]) })
    }

    /// How many candles from a start on are disputed and not repaired, and the start of the newest.
    public func disputed(since first: UTCSeconds) throws -> (count: Int, newest: UTCSeconds?) {
        let sql = """
            SELECT count(*), max(o.open_time)
            FROM second_opinion o JOIN candle c USING (instrument_id, timeframe, open_time, collector_id)
            WHERE o.verdict = '\(OpinionVerdict.disputed.rawValue)' AND o.open_time >= $1
                AND c.open_time >= $1 AND c.source = \(CandleSource.streamed.rawValue)
            """
        let row = try rows(sql, [.int(first.rawValue)]).first
        return (Int(row?[0] ?? 0), row?.optional(1).map(UTCSeconds.init(rawValue:)))
    }
}

extension CandleOpinion {
    /// Eight prices and a count; `nil` where they are NULL.
    fileprivate init?(_ row: SQLRow, from first: Int) {
        guard (first..<(first + 9)).allSatisfy({ !row.isNull($0) }) else { return nil }
        self.init(bid: OHLC(row, from: first), ask: OHLC(row, from: first + 4), ticks: Int(row[first + 8]))
    }
}
