public import MarketData

/// The candles of one pair in one timeframe as a picture, for terminals and for files.
public struct CandleChart: Sendable {
    public struct Candle: Hashable, Sendable {
        /// Start of the interval.
        public let start: UTCSeconds
        public let prices: OHLC
        /// Ticks.
        public let volume: Int
        /// Whether nothing is missing in it.
        public let isWhole: Bool

        public init(start: UTCSeconds, prices: OHLC, volume: Int, isWhole: Bool) {
            (self.start, self.prices, self.volume, self.isWhole) = (start, prices, volume, isWhole)
        }

        var isUp: Bool { prices.close >= prices.open }
    }

    public let pair: String
    public let timeframe: Timeframe
    /// Of the pair: closed time takes no room.
    let hours: TradingHours
    /// The candles that are drawn, oldest first.
    let candles: [Candle]
    let averages: [MovingAverage]
    /// As many decimals as the finest price needs.
    let decimals: Int
    let volumeMax: Int

    /// - Parameters:
    ///   - candles: oldest first, each start once. Those before the ones drawn only count for the averages.
    ///   - shown: how many are drawn at most: the last ones.
    ///   - averages: periods of simple moving averages of the closes, in candles.
    public init(
        pair: String, timeframe: Timeframe, hours: TradingHours = .fx, candles: [Candle], shown: Int,
        averages periods: [Int] = []
    ) {
        let closes = candles.map(\.prices.close)
        self.init(
            pair, timeframe, hours, Array(candles.suffix(max(0, shown))),
            periods.filter { $0 > 0 }.map { MovingAverage(period: $0, of: closes, last: max(0, shown)) })
    }

    private init(
        _ pair: String, _ timeframe: Timeframe, _ hours: TradingHours, _ candles: [Candle], _ averages: [MovingAverage]
    ) {
        (self.pair, self.timeframe, self.hours) = (pair, timeframe, hours)
        (self.candles, self.averages) = (candles, averages)
        let prices = candles.flatMap { [$0.prices.open, $0.prices.high, $0.prices.low, $0.prices.close] }
        decimals = prices.map(\.decimals).max() ?? 0
        volumeMax = candles.map(\.volume).max() ?? 0
    }

    /// The same with fewer candles.
    func last(_ count: Int) -> CandleChart {
        CandleChart(pair, timeframe, hours, candles.suffix(count), averages.map { $0.last(count) })
    }

    /// `2024-05-01 08:00 to 2024-05-01 13:55 UTC, 72 candles`: the starts of the first and the last one.
    var range: String {
        guard let first = candles.first, let last = candles.last else { return "no candles" }
        guard candles.count > 1 else { return "\(CandleChart.minute(first.start)) UTC, 1 candle" }
        return "\(CandleChart.minute(first.start)) to \(CandleChart.minute(last.start)) UTC, \(candles.count) candles"
    }

    /// `2024-05-01 08:00`.
    static func minute(_ moment: UTCSeconds) -> String { String(moment.text().prefix(16)) }

    /// `O 1.08412  H 1.08450  L 1.08400  C 1.08433`.
    func text(_ prices: OHLC) -> String {
        let parts = [("O", prices.open), ("H", prices.high), ("L", prices.low), ("C", prices.close)]
        return parts.map { "\($0.0) \($0.1.formatted(decimals: decimals))" }.joined(separator: "  ")
    }

    /// `MA 9 1.08412`; without a number if there are too few candles.
    func text(_ average: MovingAverage) -> String {
        let last = average.values.last.flatMap { $0 }
        return "MA \(average.period) " + (last.map { $0.rounded(decimals).formatted(decimals: decimals) } ?? "-")
    }
}

extension Price {
    /// How many decimals the price needs.
    var decimals: Int {
        var (rest, decimals) = (rawValue, 9)
        while decimals > 0, rest % 10 == 0 { (rest, decimals) = (rest / 10, decimals - 1) }
        return decimals
    }

    /// The nearest price of at most this many decimals.
    func rounded(_ decimals: Int) -> Price {
        let unit = (decimals..<9).reduce(Int64(1)) { unit, _ in unit * 10 }
        return Price(rawValue: floorDivide(rawValue &+ unit / 2, unit) * unit)
    }
}
