package import CandleReader
internal import MarketData
package import Store

/// How many decimals a pair's prices have, as its newest ones show.
package enum DisplayDecimals {
    /// Of so many candles the prices are looked at: that all end with a zero by chance is out of the question.
    package static let candles = 20

    package static func of(_ candles: [Candle], _ quote: FormingCandles.Quote? = nil) -> Int {
        let sides = candles.flatMap { [$0.bid, $0.ask] }
        let prices =
            sides.flatMap { [$0.open, $0.high, $0.low, $0.close] } + [quote?.bid, quote?.ask].compactMap(\.self)
        return prices.map(\.decimals).max() ?? 0
    }
}

extension Price {
    /// As many as it needs.
    fileprivate var decimals: Int {
        var (rest, decimals) = (rawValue, 9)
        while decimals > 0, rest % 10 == 0 { (rest, decimals) = (rest / 10, decimals - 1) }
        return decimals
    }
}
