public import MarketData

/// An event of the whole feed, or of one pair, kind `FEED`.
///
/// | offset | size | field   | unit and meaning               |
/// |-------:|-----:|---------|--------------------------------|
/// |     40 |   16 | details | of the event: two i64          |
/// |     56 |    4 | code    | of the event: see `FeedEvent`  |
///
/// The other fields are those of `TickEnvelope`.
@frozen
public struct FeedRecord: StreamRecord {
    public var envelope: TickEnvelope

    @inlinable
    init(_ envelope: TickEnvelope) { self.envelope = envelope }

    public init(_ event: FeedEvent, pair: Pair = .none, brokerTime: UTCNanos, receiveTime: UTCNanos) {
        envelope = TickEnvelope(
            kind: .feed, pair: pair, brokerTime: brokerTime, receiveTime: receiveTime, details: event.details,
            flagBits: event.code)
    }

    public var brokerTime: UTCNanos { envelope.brokerTime }
    public var receiveTime: UTCNanos { envelope.receiveTime }
    public var event: FeedEvent { FeedEvent(code: envelope.flagBits, details: envelope.details) }
}

/// A feed event as the `candles` stream passes it on, kind `FEED`, so that it reaches the database in order.
///
/// | offset | size | field         | unit and meaning                                   |
/// |-------:|-----:|---------------|----------------------------------------------------|
/// |     24 |    8 | brokerTime    | i64, ns since 1970 UTC                             |
/// |     36 |    4 | code          | of the event: see `FeedEvent`                      |
/// |     40 |   16 | details       | of the event: two i64                              |
/// |    144 |    8 | receiveTime   | i64, ns since 1970 UTC                             |
/// |    168 |    8 | inputPosition | u64: the event's position in the `ticks` stream    |
///
/// The other fields are 0 or those of `CandleEnvelope`.
@frozen
public struct PassedFeedRecord: StreamRecord {
    public var envelope: CandleEnvelope

    init(_ envelope: CandleEnvelope) { self.envelope = envelope }

    public init(_ record: FeedRecord) {
        let details = record.envelope.details
        envelope = CandleEnvelope(kind: .feed, pair: record.pair, start: record.brokerTime, source: .streamed)
        envelope.flags = record.envelope.flagBits
        envelope.bid.open = Price(rawValue: details.0)
        envelope.bid.high = Price(rawValue: details.1)
        envelope.times.1 = record.receiveTime
        envelope.inputPosition = record.position
    }

    public var brokerTime: UTCNanos { envelope.start }
    public var receiveTime: UTCNanos { envelope.times.1 }
    public var event: FeedEvent {
        FeedEvent(code: envelope.flags, details: (envelope.bid.open.rawValue, envelope.bid.high.rawValue))
    }
}
