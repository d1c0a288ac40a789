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
    /// Unix seconds.
    public let start: Int64

    public init(_ series: Series, start: Int64) { (self.series, self.start) = (series, start) }

    public var end: Int64 { start + series.timeframe.seconds }
}
