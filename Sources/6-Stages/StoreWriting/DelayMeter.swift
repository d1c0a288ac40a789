internal import MarketData
internal import Streams
internal import Wire

/// Measures the time from each interval's end, by the broker's clock, until a reader can see its streamed candle, and counts
/// the candles that are revised after that.
///
/// Every candle of the last hour counts, also one that became readable late because a stage was down: its readers waited.
/// One whose interval ended more than an hour before is not measured.
struct DelayMeter {
    private let clocks: any LiveSource
    private var lead = BrokerLead()
    private var delays = CandleDelays()
    /// The newest readable candles whose delay is not measured yet.
    private var waiting: [Readable] = []
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

    private static let waitingMax = 16_384
    private static let delayMax = 3_600 * UTCNanos.perSecond

    /// - Throws: `BusError`.
    init(_ bus: any Bus) throws { clocks = try bus.subscribe(.ticks, topic: RecordKind.clock.name) }

    /// Takes the candles that a commit changed.
    /// - Parameter time: the host's clock after the commit.
    mutating func note(_ changed: [CandleRecord], at time: UTCNanos, monotonic: Int64) throws {
        let streamed = changed.filter { $0.source == .streamed }
        let first = streamed.filter { $0.revision == 1 }
        waiting += first.map { Readable($0, time) }
        waiting.removeFirst(max(0, waiting.count - DelayMeter.waitingMax))
        try measure(monotonic: monotonic)
        guard streamed.count > first.count else { return }
        // Whose first revision is of the same commit was never seen without the later one.
        let count = Set(streamed.map(\.interval)).subtracting(first.map(\.interval)).count
        revised += UInt64(count)
        delays.noteRevised(count, at: monotonic)
    }

    /// Takes the broker's clocks that have come, and measures what waits; before the first one all waits.
    mutating func measure(monotonic: Int64) throws {
        while try clocks.receive({ message in
            if case .clock(let clock) = TickEnvelope(bytes: message)?.content, !clock.isStandIn { lead.note(clock) }
        }) {}
        guard let lead = lead.nanos else { return }
        for candle in waiting {
            let delay = max(0, candle.time &+ lead &- candle.end)
            if delay <= DelayMeter.delayMax { delays.note(delay, isBusy: candle.isBusy, at: monotonic) }
        }
        waiting.removeAll(keepingCapacity: true)
    }

    func report(into metrics: inout MetricValues, monotonic: Int64) {
        for (metric, isBusy) in [(Metric.busyDelay, true), (.quietDelay, false)] {
            let figures = delays.figures(isBusy: isBusy, at: monotonic)
            metrics[.recentCandles, isBusy ? "busy" : "quiet"] = Double(figures?.candles ?? 0)
            guard let figures else { continue }
            let values = ["50": figures.p50, "90": figures.p90, "99": figures.p99, "100": figures.worst]
            metrics.set(metric, byLabel: values.mapValues { Double($0) / 1e9 })
        }
        metrics[.recentCandles, "revised"] = Double(delays.revised(at: monotonic))
        metrics.set(.candlesRevised, revised)
    }
}

extension CandleRecord {
    fileprivate var interval: Interval { Interval(series, start: start.seconds) }
}
