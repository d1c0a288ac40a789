public import MarketData

/// What is folded once more.
public struct RefoldTask: Hashable, Sendable {
    /// At least one.
    public let timeframes: [Timeframe]
    /// Empty: all.
    public let pairs: Set<Pair>
    /// No candle that begins before; `nil`: all that can be made.
    public let since: UTCSeconds?

    public init(timeframes: [Timeframe], pairs: Set<Pair> = [], since: UTCSeconds? = nil) {
        self.timeframes = Set(timeframes).sorted()
        (self.pairs, self.since) = (pairs, since)
    }

    /// All that can be made of its timeframes.
    public var isWhole: Bool { pairs.isEmpty && since == nil }

    /// Whether a candle of an interval is wanted.
    func wants(_ series: Series, _ start: UTCSeconds) -> Bool {
        timeframes.contains(series.timeframe) && start >= since ?? .min
            && (pairs.isEmpty || pairs.contains(series.pair))
    }
}
