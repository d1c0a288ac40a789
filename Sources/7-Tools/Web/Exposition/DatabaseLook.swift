internal import Host
internal import Inspection
internal import MarketData
internal import Store
internal import Synchronization

/// What a look at the database shows: a walk along the key for each series, and once a minute the gaps.
struct DatabaseLook {
    private let bytes: Int64
    /// `nil`: the database is on a server.
    private let logBytes: Int64?
    /// The newest complete candle's start, of each series that has one.
    private let newest: [(series: Series, start: UTCSeconds)]
    private let holes: HoleCounts
    private let seen: Verdict.Observation

    /// - Throws: `StoreError`.
    init(_ reader: any CandleQueries, _ view: PipelineView, _ holes: HoleGlance, paths: Paths, clock: Clock) throws {
        seen = view.seen
        bytes = try reader.size().onDisk
        logBytes = paths.isDatabaseServed ? nil : DiskUsage.size(ofFile: "\(paths.database)-wal")
        var newest: [(Series, UTCSeconds)] = []
        for pair in seen.pairs {
            for timeframe in seen.timeframes {
                guard let candle = try reader.last(1, pair, timeframe, .complete).first else { continue }
                newest.append((Series(pair, timeframe), UTCSeconds(rawValue: candle.timestamp)))
            }
        }
        self.newest = newest
        self.holes = try holes.latest(reader, view, clock)
    }

    func add(to exposition: inout Exposition) {
        exposition.add(PipelineMetric.databaseBytes, Double(bytes))
        exposition.add(PipelineMetric.walBytes, logBytes.map { Double($0) })
        for (series, start) in newest {
            let due = seen.calendar[series.pair].next(after: start, series.timeframe) + series.timeframe
            exposition.add(PipelineMetric.completeInterval, Double(start.rawValue), series.labels)
            exposition.add(PipelineMetric.candleDue, Double(due.rawValue), series.labels)
        }
        for pair in seen.pairs {
            let (counts, labels) = (holes[pair], [("pair", pair.description)] as Exposition.Labels)
            exposition.add(PipelineMetric.holesOpen, Double(counts.open), labels)
            exposition.add(PipelineMetric.oldestHole, counts.oldest.map { Double($0.rawValue) }, labels)
            exposition.add(PipelineMetric.holesOfLastDay, Double(counts.ofLastDay), labels)
        }
    }
}

/// The gaps of the last week, counted again as often as the candles to be read allow. Any thread.
final class HoleGlance: Sendable {
    private let last = Mutex<(counts: HoleCounts, until: Int64)?>(nil)

    /// - Throws: `StoreError`.
    func latest(_ reader: any CandleQueries, _ view: PipelineView, _ clock: Clock) throws -> HoleCounts {
        let began = clock.monotonic()
        if let last = last.withLock({ $0 }), began < last.until { return last.counts }
        let counts: HoleCounts
        do {
            counts = try HoleCounts(reader, view.collectors)
        } catch let failure as Failure where failure.code == .unavailable {
            counts = HoleCounts()  // Nothing is stored yet.
        }
        let end = clock.monotonic()
        // At most a fiftieth of a worker's time goes there.
        let pause = max(60 * UTCNanos.perSecond, (end - began) * 50)
        last.withLock { $0 = (counts, end + pause) }
        return counts
    }
}
