public import MarketData
public import Wire

/// A candle as a reader sees it.
public struct Candle: Hashable, Sendable {
    /// Unix seconds of the interval's start, UTC.
    public let timestamp: Int64
    public let bid: OHLC
    public let ask: OHLC
    /// Of each tick's (bid + ask) / 2; of bought ones of the four prices.
    public let mid: OHLC
    /// Ticks that moved or repeated the price.
    public let tickCount: Int
    /// Whether the whole interval was seen, or comes from a source that has all of it.
    public let isComplete: Bool
    /// Time inside the interval of which nothing is known.
    public let blindMilliseconds: Int
    /// Updates that the broker declared lost.
    public let lostUpdates: Int
    /// From 1; a later one takes the place of those before.
    public let revision: Int
    public let source: CandleSource
    /// Whose stream brought it; `nil` of a candle off the bus, which does not say.
    public let collector: Collector?

    /// - Parameter record: what the stages know of it.
    public init(_ record: CandleRecord, collector: Collector? = nil) {
        self.collector = collector
        timestamp = record.start.seconds.rawValue
        (bid, ask, mid) = (record.bid, record.ask, record.mid)
        tickCount = Int(record.tickCount)
        isComplete = !record.flags.contains(.partial)
        blindMilliseconds = Int(record.blindMilliseconds)
        lostUpdates = Int(record.lostUpdates)
        revision = Int(record.revision)
        source = record.source
    }

    public init(
        timestamp: Int64, bid: OHLC, ask: OHLC, mid: OHLC, tickCount: Int, isComplete: Bool, blindMilliseconds: Int,
        lostUpdates: Int, revision: Int, source: CandleSource, collector: Collector?
    ) {
        self.timestamp = timestamp
        self.bid = bid
        self.ask = ask
        self.mid = mid
        self.tickCount = tickCount
        self.isComplete = isComplete
        self.blindMilliseconds = blindMilliseconds
        self.lostUpdates = lostUpdates
        self.revision = revision
        self.source = source
        self.collector = collector
    }
}
