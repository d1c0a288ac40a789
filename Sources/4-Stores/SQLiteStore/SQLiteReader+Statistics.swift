internal import GRDB
public import MarketData
public import Store
internal import Wire

extension SQLiteReader {
    /// What there is of each pair and timeframe, by name. Counts every row: a second for some millions.
    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - timeframe: `nil`: all.
    public func statistics(of pairs: [Pair], _ timeframe: Timeframe?) throws -> [SeriesStatistics] {
        try read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT i.name, c.timeframe, c.source, COUNT(*), SUM(c.complete), MIN(c.open_time),
                        MAX(c.open_time)
                    FROM candle c JOIN instrument i ON i.id = c.instrument_id
                    GROUP BY c.instrument_id, c.timeframe, c.source ORDER BY i.name, c.timeframe
                    """)
            var lines: [SeriesStatistics] = []
            while let row = try rows.next() {
                guard let line = SeriesStatistics(row), pairs.isEmpty || pairs.contains(line.series.pair),
                    timeframe ?? line.series.timeframe == line.series.timeframe
                else { continue }
                if lines.last?.series == line.series { lines[lines.count - 1].add(line) } else { lines.append(line) }
            }
            for index in lines.indices { lines[index].close = try SQLiteReader.close(of: lines[index], db) }
            return lines
        }
    }

    private static func close(of line: SeriesStatistics, _ db: Database) throws -> Price {
        let statement = try db.cachedStatement(
            sql: "SELECT c.mid_close FROM candle c WHERE \(ofSeries) AND c.open_time = ?")
        let series = line.series
        let units = try Int64.fetchOne(
            statement, arguments: [series.pair.description, series.timeframe.seconds, line.newest.rawValue])
        return Price(rawValue: units ?? 0)
    }
}

extension SeriesStatistics {
    fileprivate init?(_ row: Row) {
        guard let series = Series(row[0], seconds: row[1]) else { return nil }
        self.init(
            series: series, count: row[3], complete: row[4], oldest: UTCSeconds(rawValue: row[5]),
            newest: UTCSeconds(rawValue: row[6]), close: Price(rawValue: 0),
            bySource: [CandleSource(rawValue: row[2]): row[3]])
    }
}
