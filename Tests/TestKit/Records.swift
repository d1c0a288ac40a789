public import MarketData
public import Wire

/// Short ways to make records in tests. Times are in seconds since 1970.
public enum Make {
    public static let eurUSD = Pair("EUR_USD")!

    public static func nanos(_ seconds: Double) -> UTCNanos { UTCNanos(rawValue: Int64(seconds * 1e9)) }

    public static func tick(
        _ seconds: Double, _ bid: String, _ ask: String, pair: Pair = eurUSD, flags: TickFlags = []
    ) -> TickRecord {
        .tick(
            pair, brokerTime: nanos(seconds), receiveTime: nanos(seconds),
            bid: Price(bid)!, ask: Price(ask)!, flags: flags)
    }

    public static func clock(_ seconds: Double, flags: TickFlags = []) -> TickRecord {
        .clock(nanos(seconds), receiveTime: nanos(seconds), flags: flags)
    }

    public static func feed(_ event: FeedEvent, pair: Pair = .none, at seconds: Double = 0) -> TickRecord {
        .feed(event, pair: pair, brokerTime: nanos(seconds), receiveTime: nanos(seconds))
    }

    /// A candle whose prices all are `price`.
    public static func candle(
        _ start: Int64, minutes: Int = 5, pair: Pair = eurUSD, price: String = "1.1", source: CandleSource = .streamed,
        revision: UInt16 = 1, flags: CandleFlags = []
    ) -> CandleRecord {
        let price = Price(price)!
        let flat = OHLC(open: price, high: price, low: price, close: price)
        var candle = CandleRecord(
            pair: pair, timeframe: Timeframe(minutes: minutes)!, start: UTCNanos(seconds: start),
            bid: flat, ask: flat, mid: flat, source: source, inputStream: .ticks)
        candle.revision = revision
        candle.flags = flags
        candle.tickCount = 1
        return candle
    }
}
