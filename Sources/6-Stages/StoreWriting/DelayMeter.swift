internal import MarketData
internal import Streams
internal import Wire

/// Measures the time from each interval's end, by the broker's clock, until a reader can see its streamed candle, and counts
/// the candles that are revised after that.
///
/// Every candle of the last hour counts, also one that became readable late because a stage was down: its readers waited.
/// One whose interval ended more than an hour before is not measured. Each collector has a broker's clock of its own; a
/// candle that takes the place of another collector's counts as revised.
struct DelayMeter {
    /// What a collector's broker shows.
    private struct Feed {
        let clocks: any LiveSource
        private var lead = BrokerLead()
        /// The newest readable candles whose delay is not measured yet.
        private var waiting: [Readable] = []

        private static let waitingMax = 16_384

        init(clocks: any LiveSource) { self.clocks = clocks }

        mutating func take(_ candles: [Readable]) {
            waiting += candles
            waiting.removeFirst(max(0, waiting.count - Feed.waitingMax))
        }

        /// Of the candles that wait, ns; empty before the broker's first clock.
        mutating func takeDelays() throws -> [(delay: Int64, isBusy: Bool)] {
            while try clocks.receive({ message in
                if case .clock(let clock) = TickEnvelope(bytes: message)?.content, !clock.isStandIn { lead.note(clock) }
            }) {}
            guard let lead = lead.nanos else { return [] }
            defer { waiting.removeAll(keepingCapacity: true) }
            return waiting.map { (max(0, $0.time &+ lead &- $0.end), $0.isBusy) }
        }
    }

    private var feeds: [Collector: Feed] = [:]
    private var delays = CandleDelays()
    /// The same since the start.
    private var (busy, quiet) = (DurationHistogram(), DurationHistogram())
    private var readable = ReadableIntervals()
    private var revised: UInt64 = 0

    private struct Readable {
        /// Of the interval, by the broker's clock, ns.
        let end: Int64
        /// When it could be read, by the host's clock, ns.
        let time: Int64
        /// At least one tick for each second of the interval.
        let isBusy: Bool

        init(_ candle: CandleRecord, _ time: UTCNanos) {
            end = candle.start.rawValue &+ candle.timeframe.nanos
            self.time = time.rawValue
            isBusy = Int64(candle.tickCount) >= candle.timeframe.seconds
        }
    }

    private static let delayMax = 3_600 * UTCNanos.perSecond

    /// Hears a collector's broker from now on; does nothing if it is heard already.
    /// - Throws: `BusError`.
    mutating func hear(_ collector: Collector, _ bus: any Bus) throws {
        if feeds[collector] != nil { return }
        feeds[collector] = Feed(clocks: try bus.subscribe(.ticks, of: collector, topic: RecordKind.clock.name))
    }

    /// Takes the candles that a commit changed.
    /// - Parameters:
    ///   - collector: whose they are.
    ///   - time: the host's clock after the commit.
    mutating func note(
        _ changed: [CandleRecord], of collector: Collector, at time: UTCNanos, monotonic: Int64
    ) throws {
        let streamed = changed.filter { $0.source == .streamed }
        let first = streamed.filter { $0.revision == 1 && !readable.contains($0.interval) }
        for candle in first { readable.insert(candle.interval) }
        feeds[collector]?.take(first.map { Readable($0, time) })
        try measure(collector, monotonic)
        guard streamed.count > first.count else { return }
        // Whose first revision is of the same commit was never seen without the later one.
        let count = Set(streamed.map(\.interval)).subtracting(first.map(\.interval)).count
        revised += UInt64(count)
        delays.noteRevised(count, at: monotonic)
    }

    /// Takes the brokers' clocks that have come, and measures what waits; before a broker's first one all of its waits.
    mutating func measure(monotonic: Int64) throws {
        for collector in feeds.keys { try measure(collector, monotonic) }
    }

    private mutating func measure(_ collector: Collector, _ monotonic: Int64) throws {
        for (delay, isBusy) in try feeds[collector]?.takeDelays() ?? [] where delay <= DelayMeter.delayMax {
            delays.note(delay, isBusy: isBusy, at: monotonic)
            if isBusy { busy.note(delay) } else { quiet.note(delay) }
        }
    }

    func report(into metrics: inout MetricValues, monotonic: Int64) {
        for (metric, isBusy) in [(Metric.busyDelay, true), (.quietDelay, false)] {
            let figures = delays.figures(isBusy: isBusy, at: monotonic)
            metrics[.recentCandles, isBusy ? "busy" : "quiet"] = Double(figures?.candles ?? 0)
            guard let figures else { continue }
            let values = ["50": figures.p50, "90": figures.p90, "99": figures.p99, "100": figures.worst]
            metrics.set(metric, byLabel: values.mapValues { Double($0) / 1e9 })
        }
        metrics.set(.candleDelay, byLabel: ["busy": busy.value, "quiet": quiet.value])
        metrics[.recentCandles, "revised"] = Double(delays.revised(at: monotonic))
        metrics.set(.candlesRevised, revised)
    }
}

/// The intervals of which some candle became readable, the newest of them: two hours of a thousand pairs at least.
private struct ReadableIntervals {
    private var newer: Set<Interval> = []
    private var older: Set<Interval> = []

    private static let countMax = 32_768

    func contains(_ interval: Interval) -> Bool { newer.contains(interval) || older.contains(interval) }

    mutating func insert(_ interval: Interval) {
        if newer.count >= Self.countMax { (older, newer) = (newer, []) }
        newer.insert(interval)
    }
}

extension CandleRecord {
    fileprivate var interval: Interval { Interval(series, start: start.seconds) }
}
