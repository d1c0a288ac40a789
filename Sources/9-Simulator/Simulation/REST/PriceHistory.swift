internal import MarketData

/// The length of a history candle. Source: ig-api § 3.2.
enum Resolution: String, CaseIterable {
    case second = "SECOND", minute = "MINUTE", minute2 = "MINUTE_2", minute3 = "MINUTE_3", minute5 = "MINUTE_5"
    case minute10 = "MINUTE_10", minute15 = "MINUTE_15", minute30 = "MINUTE_30", hour = "HOUR", hour2 = "HOUR_2"
    case hour3 = "HOUR_3", hour4 = "HOUR_4", day = "DAY", week = "WEEK", month = "MONTH"

    /// Seconds; for a month the most it can have.
    var seconds: Int64 {
        switch self {
        case .second: 1
        case .minute: 60
        case .minute2: 120
        case .minute3: 180
        case .minute5: 300
        case .minute10: 600
        case .minute15: 900
        case .minute30: 1_800
        case .hour: 3_600
        case .hour2: 7_200
        case .hour3: 10_800
        case .hour4: 14_400
        case .day: 86_400
        case .week: 7 * 86_400
        case .month: 31 * 86_400
        }
    }

    /// How far back history goes, in days. Source: ig-api § 3.6.
    var depthDays: Int64 {
        switch self {
        case .second: 4
        case .minute, .minute2, .minute3: 40
        case .day, .week, .month: 15 * 365
        default: 360
        }
    }

    /// The start of the candle that holds `second`. Days, weeks (from Monday) and months begin at the account's local
    /// midnight.
    func start(of second: Int64, clock: LocalClock) -> Int64 {
        guard seconds >= 86_400 else { return floorDivide(second, seconds) * seconds }
        let localDay = floorDivide(clock.localSecond(at: second), 86_400)
        let day: Int64
        switch self {
        case .week: day = localDay - (localDay + 3 - floorDivide(localDay + 3, 7) * 7)
        case .month: day = localDay - CivilDate(daysSince1970: localDay).day + 1
        default: day = localDay
        }
        return clock.utcSecond(ofLocal: day * 86_400)
    }
}

/// Folds a pair's ticks into history candles up to the present market time.
struct PriceHistory {
    let pair: PairMarket
    let resolution: Resolution
    let clock: LocalClock
    /// The broker's time, nanoseconds: nothing after it is known yet.
    let now: Int64
    /// Nanoseconds by which that is ahead of market time.
    let ahead: Int64

    init(pair: PairMarket, resolution: Resolution, clock: LocalClock, marketTime: Int64) {
        self.pair = pair
        self.resolution = resolution
        self.clock = clock
        ahead = pair.faults.ahead(at: marketTime)
        now = marketTime &+ ahead
    }

    /// The candles that start in `from ... to` (seconds), in order, at most `max` of them.
    func candles(from: Int64, to: Int64, max: Int) -> [BrokerCandle] {
        let depth = floorDivide(now, UTCNanos.perSecond) - resolution.depthDays * 86_400
        let start = resolution.start(of: Swift.max(from, depth), clock: clock)
        let first = start >= from ? start : nextStart(after: start)
        var result: [BrokerCandle] = []
        var current: BrokerCandle?
        // Up to the end of the last candle that starts in the range, and never beyond now.
        let (limit, overflow) = nextStart(after: resolution.start(of: to, clock: clock))
            .multipliedReportingOverflow(by: UTCNanos.perSecond)
        let end = overflow ? now + 1 : min(limit, now + 1)
        pair.forEachSent(from: first * UTCNanos.perSecond, to: end, ahead: ahead) { tick in
            guard result.count <= max else { return }
            let second = floorDivide(tick.time, UTCNanos.perSecond)
            if var candle = current, second < currentEnd(candle) {
                candle.take(tick)
                current = candle
            } else {
                if let candle = current { result.append(candle) }
                current = BrokerCandle(start: resolution.start(of: second, clock: clock), first: tick)
            }
        }
        if let candle = current { result.append(candle) }
        return Array(result.prefix(max))
    }

    /// The last `count` candles, the forming one included.
    func last(_ count: Int) -> [BrokerCandle] {
        guard count > 0 else { return [] }
        let second = floorDivide(now, UTCNanos.perSecond)
        let depth = second - resolution.depthDays * 86_400
        var span = resolution.seconds * Int64(count)
        while true {
            let from = Swift.max(second - span, depth)
            let found = candles(from: resolution.start(of: from, clock: clock), to: second, max: .max - 1)
            let isAll = from <= depth || from * UTCNanos.perSecond <= pair.source.beginning
            if found.count >= count || isAll { return Array(found.suffix(count)) }
            // Shut or quiet stretches have no candles: look further back.
            span = span * 2 + 3 * 86_400
        }
    }

    private func currentEnd(_ candle: BrokerCandle) -> Int64 {
        resolution.seconds < 86_400 ? candle.start + resolution.seconds : nextStart(after: candle.start)
    }

    private func nextStart(after start: Int64) -> Int64 {
        guard resolution.seconds >= 86_400 else { return start + resolution.seconds }
        // Half a day past the candle's length lies within the next one, at any state of the clocks.
        return resolution.start(of: start + resolution.seconds + 43_200, clock: clock)
    }
}
