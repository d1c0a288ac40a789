internal import Host
internal import MarketData
internal import Settings
internal import Store
internal import Streams
internal import Wire

/// One refold: the fold of the ticks, then the candles from before them.
struct RefoldRun {
    private let task: RefoldTask
    private let paths: Paths
    private let configuration: Configuration
    private let writer: StreamWriter
    private let clock: Clock
    private let stop: StopSignal
    private var fold: TickFold
    private var summary: RefoldSummary
    /// Why another run may make more; `nil`: all is made.
    private(set) var lack: String?
    /// Monotonic time of the next word about the progress.
    private var nextShow = Int64.min

    /// - Throws: `JournalError`.
    init(
        _ task: RefoldTask, _ paths: Paths, _ configuration: Configuration, _ writer: StreamWriter, clock: Clock,
        stop: StopSignal
    ) throws {
        (self.task, self.paths, self.configuration, self.writer) = (task, paths, configuration, writer)
        (self.clock, self.stop) = (clock, stop)
        fold = try TickFold(task, paths, configuration)
        summary = RefoldSummary(task)
    }

    /// - Parameter reader: `nil`: without a database smaller candles are not known.
    /// - Throws: `Failure` (75) when a stop was asked for; `JournalError`, `StoreError`.
    mutating func run(_ reader: (any CandleQueries)?, _ show: (RefoldProgress) -> Void) throws -> RefoldSummary {
        try foldTicks(show)
        // Before the database is read: what comes later, the aggregator derives.
        lack = try reason(reader)
        if let reader { try derive(try SmallerCandles(reader, calendar: configuration.calendar), show) }
        summary.lastPosition = writer.lastPosition
        return summary
    }

    private func reason(_ reader: (any CandleQueries)?) throws -> String? {
        if !fold.beginning.isSettled { return "there are too few ticks to know from when on they are whole" }
        guard let reader else { return "there is no database yet" }
        let stored = try reader.position(of: .history, collector: paths.collector)
        return try stored < lastBought() ? "store-writer has not stored all of the history stream yet" : nil
    }

    /// The last position of the history stream that comes into the database: a part of a candle does not.
    private func lastBought() throws -> UInt64 {
        var last: UInt64 = 0
        try JournalTail.readBackward(CandleEnvelope.self, folder: paths.journal(.history)) { record in
            guard record.kind != .part else { return true }
            last = record.position
            return false
        }
        return last
    }

    private mutating func foldTicks(_ show: (RefoldProgress) -> Void) throws {
        let (writer, began) = (writer, clock.monotonic())
        var more = true
        while more {
            let now = clock.now()
            var count = 0
            more = try fold.advance { candle in
                var record = candle
                record.publishTime = now
                try writer.append(record)
                count += 1
            }
            try writer.commit()
            summary.streamed += count
            (summary.records, summary.ticks) = (fold.folded, fold.tickCount)
            try pause(
                .folding(
                    records: fold.folded, of: max(fold.total, fold.folded), at: fold.feedTime,
                    candles: summary.streamed, nanos: clock.monotonic() - began), show)
        }
        summary.ticksSince = fold.ticksSince?.seconds
    }

    /// Until where there are ticks.
    private mutating func derive(_ smaller: SmallerCandles, _ show: (RefoldProgress) -> Void) throws {
        let pairs = smaller.pairs.filter { task.pairs.isEmpty || task.pairs.contains($0) }
        for pair in pairs {
            for timeframe in task.timeframes {
                let series = Series(pair, timeframe)
                guard let oldest = try smaller.oldest(series) else { continue }
                let (start, end) = (timeframe.start(of: max(oldest, task.since ?? .min)), end(timeframe))
                guard start < end else { continue }
                try smaller.make(series, in: start..<end) { made in
                    try append(made, of: series)
                    let candles = summary.streamed + summary.derived
                    try pause(.deriving(pair, timeframe, at: made.stretch.upperBound, candles: candles), show)
                }
            }
        }
    }

    /// Up to where candles are made of smaller ones: with the interval in which the first tick lies, since its fold is
    /// partial.
    private func end(_ timeframe: Timeframe) -> UTCSeconds {
        guard let ticksSince = fold.ticksSince?.seconds else { return timeframe.start(of: clock.now().seconds) }
        return timeframe.start(of: ticksSince - .seconds(1)) + timeframe
    }

    private mutating func append(_ made: SmallerCandles.Made, of series: Series) throws {
        let now = clock.now()
        for candle in made.candles where task.wants(series, candle.start.seconds) {
            var record = candle
            record.publishTime = now
            try writer.append(record)
            summary.derived += 1
        }
        try writer.commit()
        if made.lacking > 0 { summary.lacking[series.timeframe, default: 0] += made.lacking }
    }

    private mutating func pause(_ progress: RefoldProgress, _ show: (RefoldProgress) -> Void) throws {
        if stop.isRaised {
            throw Failure(
                .temporary, "stopped before everything was folded: run it again, it comes to the same candles")
        }
        guard clock.monotonic() >= nextShow else { return }
        nextShow = clock.monotonic() + 200 * UTCNanos.perMillisecond
        show(progress)
    }
}
