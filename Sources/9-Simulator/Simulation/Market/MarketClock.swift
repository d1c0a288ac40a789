/// How fast market time runs against the machine's monotonic clock.
public enum MarketSpeed: Hashable, Sendable {
    /// Market seconds per second.
    case times(Double)
    /// As fast as the clients read.
    case max
}

/// Maps monotonic time to market time. Market time stands still until `start` and while held.
struct MarketClock: Sendable {
    private let speed: MarketSpeed
    private var anchorMonotonic: Int64?
    private var anchorMarket: Int64 = 0

    init(speed: MarketSpeed) { self.speed = speed }

    var isRunning: Bool { anchorMonotonic != nil }

    /// Market time is `market` at the moment `monotonic`. Both in nanoseconds.
    mutating func start(market: Int64, monotonic: Int64) {
        anchorMarket = market
        anchorMonotonic = monotonic
    }

    /// Nanoseconds by which market time is ahead of another clock that shows `time` at `monotonic`; `nil` while market
    /// time has no speed of its own.
    func ahead(of time: Int64, at monotonic: Int64) -> Int64? {
        guard speed != .max else { return nil }
        return limit(at: monotonic).map { $0 &- time }
    }

    /// How far market time may have come at `monotonic`; `nil` before the start.
    func limit(at monotonic: Int64) -> Int64? {
        guard let anchorMonotonic else { return nil }
        switch speed {
        case .max: return .max
        case .times(let factor):
            let elapsed = Double(max(0, monotonic - anchorMonotonic)) * factor
            // Beyond any sensible run; keeps the sum in range.
            return anchorMarket &+ Int64(min(elapsed, 1e18))
        }
    }
}
