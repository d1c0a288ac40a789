/// The candles of one pair in one timeframe.
public struct Series: Hashable, Sendable {
    public let pair: Pair
    public let timeframe: Timeframe

    public init(_ pair: Pair, _ timeframe: Timeframe) { (self.pair, self.timeframe) = (pair, timeframe) }
}

extension Series: CustomStringConvertible {
    /// `EUR_USD 5m`.
    public var description: String { "\(pair) \(timeframe)" }
}

/// One candle's place.
public struct Interval: Hashable, Sendable {
    public let series: Series
    public let start: UTCSeconds

    public init(_ series: Series, start: UTCSeconds) { (self.series, self.start) = (series, start) }

    public var end: UTCSeconds { start + series.timeframe }
}
