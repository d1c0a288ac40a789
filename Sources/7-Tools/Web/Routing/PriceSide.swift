internal import MarketData
internal import Store

/// Which prices of a candle are meant.
enum PriceSide: String, CaseIterable, Sendable {
    case bid, mid, ask

    /// - Returns: `nil` if no tick of the candle had the side.
    func prices(of candle: Candle) -> OHLC? {
        let prices =
            switch self {
            case .bid: candle.bid
            case .mid: candle.mid
            case .ask: candle.ask
            }
        return prices == .zero ? nil : prices
    }
}
