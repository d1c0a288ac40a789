internal import Host
internal import Inspection
internal import MarketData
internal import Store

/// What a look at the database shows that a scrape may wait for: a walk along the key for each series.
struct DatabaseLook {
    private let bytes: Int64
    /// `nil`: the database is on a server.
    private let logBytes: Int64?
    /// The newest complete candle's start, of each series that has one.
    private let newest: [(series: Series, start: UTCSeconds)]
    private let seen: Verdict.Observation

    /// - Throws: `StoreError`.
    init(_ reader: any CandleQueries, _ seen: Verdict.Observation, paths: Paths) throws {
        self.seen = seen
        bytes = try reader.size().onDisk
        logBytes = paths.isDatabaseServed ? nil : DiskUsage.size(ofFile: "\(paths.database)-wal")
        newest = try seen.pairs.flatMap { pair in
            try seen.timeframes.compactMap { timeframe in
                try reader.last(1, pair, timeframe, .complete).first.map {
                    (Series(pair, timeframe), UTCSeconds(rawValue: $0.timestamp))
                }
            }
        }
    }

    func add(to exposition: inout Exposition) {
        exposition.add(PipelineMetric.databaseBytes, Double(bytes))
        exposition.add(PipelineMetric.walBytes, logBytes.map { Double($0) })
        for (series, start) in newest {
            let due = seen.calendar[series.pair].next(after: start, series.timeframe) + series.timeframe
            exposition.add(PipelineMetric.completeInterval, Double(start.rawValue), series.labels)
            exposition.add(PipelineMetric.candleDue, Double(due.rawValue), series.labels)
        }
    }
}
