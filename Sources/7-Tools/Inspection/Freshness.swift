internal import Store
internal import Reports
internal import MarketData

/// Whether the newest candle of a series is as new as it can be.
enum Freshness: Hashable {
    case fresh
    /// The market is closed, and the last candle before is there.
    case closed
    /// The last candle ended this many seconds of open market before now.
    case stale(seconds: Int64)

    /// After an interval's end: the grace, the commit, and the second in which a stage speaks.
    private static let allowance: Int64 = 10

    /// - Parameters:
    ///   - now: the market's time.
    ///   - hours: of the pair.
    init(newest: UTCSeconds, _ timeframe: Timeframe, now: UTCSeconds, hours: TradingHours = .fx) {
        let session = hours.opened(by: now)
        let end = newest + timeframe
        // Closed time before this session's opening, or since its end, does not count.
        var since = max(end, session.lowerBound)
        var until = min(now, session.upperBound)
        if session.lowerBound + timeframe > session.upperBound {
            // A session that is shorter than the interval proves nothing: the next interval that is traded counts.
            (since, until) = (hours.next(after: newest, timeframe), now)
        }
        let lag = (until - since).components.seconds
        if lag > timeframe.seconds + Freshness.allowance {
            self = .stale(seconds: lag)
        } else {
            self = session.contains(now) ? .fresh : .closed
        }
    }

    var text: String {
        switch self {
        case .fresh: "fresh"
        case .closed: "market closed"
        case .stale(let seconds): "stale \(Duration.seconds(seconds).brief)"
        }
    }

    var isStale: Bool {
        if case .stale = self { true } else { false }
    }
}
