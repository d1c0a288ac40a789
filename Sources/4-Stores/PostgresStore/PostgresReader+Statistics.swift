public import MarketData
public import Store
internal import Wire

extension PostgresReader {
    /// What there is of each pair and timeframe, by name. Counts every row: a second for some millions.
    /// - Parameters:
    ///   - pairs: those wanted; empty: all.
    ///   - timeframe: `nil`: all.
    public func statistics(of pairs: [Pair], _ timeframe: Timeframe?) throws -> [SeriesStatistics] {
        let sql = """
            SELECT i.name, c.timeframe, c.source, count(*), sum(c.complete)::bigint, min(c.open_time), max(c.open_time)
            FROM candle c JOIN instrument i ON i.id = c.instrument_id
            GROUP BY i.name, c.timeframe, c.source ORDER BY i.name, c.timeframe
            """
        return try snapshot { connection in
            var lines: [SeriesStatistics] = []
            for row in try connection.execute(sql) {
                guard let line = SeriesStatistics(row), pairs.isEmpty || pairs.contains(line.series.pair),
                    timeframe ?? line.series.timeframe == line.series.timeframe
                else { continue }
                if lines.last?.series == line.series { lines[lines.count - 1].add(line) } else { lines.append(line) }
            }
            for index in lines.indices {
                let close = "SELECT c.mid_close FROM candle c WHERE \(Self.ofSeries) AND c.open_time = $3"
                let values = lines[index].series.values + [.int(lines[index].newest.rawValue)]
                lines[index].close = Price(rawValue: try connection.execute(close, values).first?[0] ?? 0)
            }
            return lines
        }
    }
}

extension SeriesStatistics {
    fileprivate init?(_ row: SQLRow) {
        guard let series = Series(row.text(0), seconds: row[1]) else { return nil }
        self.init(
            series: series, count: Int(row[3]), complete: Int(row[4]), oldest: UTCSeconds(rawValue: row[5]),
            newest: UTCSeconds(rawValue: row[6]), close: Price(rawValue: 0),
            bySource: [CandleSource(rawValue: UInt8(truncatingIfNeeded: row[2])): Int(row[3])])
    }
}
