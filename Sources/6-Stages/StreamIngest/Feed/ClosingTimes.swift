internal import MarketData

/// The feed times at which intervals close by the grace: the ends of the intervals of all timeframes, plus the grace. ns.
struct ClosingTimes {
    private let lengths: [Int64]
    let grace: Int64

    init(timeframes: [Timeframe], grace: Duration) {
        precondition(!timeframes.isEmpty)
        lengths = timeframes.map(\.nanos)
        self.grace = grace.nanoseconds
    }

    /// The end of the first interval that closes after a feed time.
    func end(closingAfter time: Int64) -> Int64 {
        let ended = max(0, time &- grace)
        return lengths.reduce(.max) { min($0, (ended / $1 &+ 1) &* $1) }
    }
}
