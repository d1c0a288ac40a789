public import MarketData
public import Wire

/// Short ways to make records in tests. Times are in seconds since 1970.
public enum Make {
    public static let eurUSD = Pair("EUR_USD")!

    /// Whole microseconds: of a present time a `Double` tells no more.
    public static func nanos(_ seconds: Double) -> UTCNanos {
        let whole = seconds.rounded(.down)
        let microseconds = Int64(((seconds - whole) * 1e6).rounded())
        return UTCNanos(rawValue: Int64(whole) * UTCNanos.perSecond + microseconds * 1_000)
    }

    public static func tick(
        _ seconds: Double, _ bid: String, _ ask: String, pair: Pair = eurUSD, flags: TickFlags = []
    ) -> TickEnvelope {
        TickRecord(
            pair, brokerTime: nanos(seconds), receiveTime: nanos(seconds),
            bid: Price(bid)!, ask: Price(ask)!, flags: flags
        ).envelope
    }

    public static func clock(_ seconds: Double, flags: TickFlags = []) -> TickEnvelope {
        ClockRecord(nanos(seconds), receiveTime: nanos(seconds), flags: flags).envelope
    }

    public static func feed(_ event: FeedEvent, pair: Pair = .none, at seconds: Double = 0) -> TickEnvelope {
        FeedRecord(event, pair: pair, brokerTime: nanos(seconds), receiveTime: nanos(seconds)).envelope
    }

    /// A candle whose prices all are `price`.
    public static func candle(
        _ start: UTCSeconds, minutes: Int = 5, pair: Pair = eurUSD, price: String = "1.1",
        source: CandleSource = .streamed,
        revision: UInt16 = 1, flags: CandleFlags = []
    ) -> CandleRecord {
        let price = Price(price)!
        let flat = OHLC(open: price, high: price, low: price, close: price)
        var candle = CandleRecord(
            Series(pair, Timeframe(minutes: minutes)!), start: UTCNanos(seconds: start),
            bid: flat, ask: flat, mid: flat, source: source, inputStream: .ticks)
        candle.revision = revision
        candle.flags = flags
        candle.tickCount = 1
        return candle
    }
}

extension TickEnvelope {
    /// Of a tick; 0 of other kinds.
    public var bid: Price { tick?.bid ?? Price(rawValue: 0) }
    public var ask: Price { tick?.ask ?? Price(rawValue: 0) }
    /// Of a tick or a clock; empty of other kinds.
    public var flags: TickFlags {
        switch content {
        case .tick(let tick): tick.flags
        case .clock(let clock): clock.flags
        case .feed, .unknown: []
        }
    }
}

/// Records as they stand in their stream.
extension TickEnvelope {
    public static func tick(
        _ pair: Pair, brokerTime: UTCNanos, receiveTime: UTCNanos, bid: Price, ask: Price, flags: TickFlags = []
    ) -> TickEnvelope {
        TickRecord(pair, brokerTime: brokerTime, receiveTime: receiveTime, bid: bid, ask: ask, flags: flags).envelope
    }

    public static func clock(_ brokerTime: UTCNanos, receiveTime: UTCNanos, flags: TickFlags = []) -> TickEnvelope {
        ClockRecord(brokerTime, receiveTime: receiveTime, flags: flags).envelope
    }

    public static func feed(
        _ event: FeedEvent, pair: Pair = .none, brokerTime: UTCNanos, receiveTime: UTCNanos
    ) -> TickEnvelope {
        FeedRecord(event, pair: pair, brokerTime: brokerTime, receiveTime: receiveTime).envelope
    }
}

extension CandleEnvelope {
    /// A feed event as the candles stream passes it on.
    public static func feed(_ record: TickEnvelope) -> CandleEnvelope {
        guard case .feed(let feed) = record.content else { preconditionFailure("no feed event") }
        return PassedFeedRecord(feed).envelope
    }
}
