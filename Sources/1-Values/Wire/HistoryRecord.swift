public import MarketData

/// A request for candles of the broker's history. Source: docs/formats.md § 2.1.
public struct HistoryRequest: Hashable, Sendable {
    public let series: Series
    /// Starts of the first and the last interval that is asked for.
    public let first: UTCSeconds
    public let last: UTCSeconds
    /// The most it costs: the number of intervals.
    public let points: Int
    /// When it was sent, by the local clock.
    public let sent: UTCNanos
    /// Whether repair asked: its points of a week are bounded.
    public let isRepair: Bool

    public init(
        series: Series, first: UTCSeconds, last: UTCSeconds, points: Int, sent: UTCNanos, isRepair: Bool = false
    ) {
        self.isRepair = isRepair
        self.series = series
        self.first = first
        self.last = last
        self.points = points
        self.sent = sent
    }
}

/// The outcome of a request. In the stream it follows the request's candles.
public struct HistoryReply: Hashable, Sendable {
    public enum Outcome: UInt32, Sendable {
        /// Candles, or none.
        case answered = 1
        /// The broker said no: nothing was paid.
        case refused = 2
        /// No answer, or one that cannot be read: it may have been paid.
        case unanswered = 3
    }

    /// The remaining allowance.
    public struct Allowance: Hashable, Sendable {
        public let remaining: Int
        public let total: Int
        /// Time of its renewal by the local clock; 0: unknown.
        public let renewal: UTCSeconds

        public init(remaining: Int, total: Int, renewal: UTCSeconds) {
            (self.remaining, self.total, self.renewal) = (remaining, total, renewal)
        }
    }

    /// Position of the request.
    public let request: UInt64
    public let outcome: Outcome
    /// The rows that came: what it cost.
    public let points: Int
    public let allowance: Allowance?
    /// By the local clock.
    public let received: UTCNanos
    /// How far ahead of UTC the account's clock was found to be in the week of the request's last interval, seconds;
    /// `nil` if this reply does not show it.
    public let clockOffset: Int64?

    public init(
        request: UInt64, outcome: Outcome, points: Int, allowance: Allowance?, received: UTCNanos,
        clockOffset: Int64? = nil
    ) {
        self.request = request
        self.outcome = outcome
        self.points = points
        self.allowance = allowance
        self.received = received
        self.clockOffset = clockOffset
    }
}

/// A request for history, kind `RQST`: appended before it is sent, so that one whose end no process saw is known.
///
/// | offset | size | field    | unit and meaning                                          |
/// |-------:|-----:|----------|-----------------------------------------------------------|
/// |     24 |    8 | first    | i64, ns since 1970 UTC: start of the first interval       |
/// |     36 |    4 | isRepair | u32: 1 if repair asked                                    |
/// |    136 |    8 | sent     | i64, ns since 1970 UTC, by the local clock                |
/// |    144 |    8 | last     | i64, ns since 1970 UTC: start of the last interval        |
/// |    152 |    4 | points   | u32: what it costs at most                                |
///
/// The other fields are 0 or those of `CandleEnvelope`.
@frozen
public struct RequestRecord: StreamRecord {
    public var envelope: CandleEnvelope

    /// - Precondition: the envelope has a valid timeframe.
    init(_ envelope: CandleEnvelope) { self.envelope = envelope }

    public init(_ request: HistoryRequest) {
        envelope = CandleEnvelope(kind: .request, request)
        envelope.times.0 = request.sent
        envelope.tickCount = UInt32(clamping: request.points)
        envelope.flags = request.isRepair ? 1 : 0
    }

    public var request: HistoryRequest {
        guard let series = envelope.series else { preconditionFailure("a request has a timeframe") }
        return HistoryRequest(
            series: series, first: envelope.start.seconds, last: envelope.times.1.seconds,
            points: Int(envelope.tickCount), sent: envelope.times.0, isRepair: envelope.flags & 1 == 1)
    }
}

/// The outcome of a request, kind `RPLY`: follows the request's candles.
///
/// | offset | size | field       | unit and meaning                                              |
/// |-------:|-----:|-------------|---------------------------------------------------------------|
/// |     24 |    8 | first       | i64, ns since 1970 UTC: as in the request                     |
/// |     36 |    4 | outcome     | u32: `HistoryReply.Outcome`                                   |
/// |     40 |    8 | remaining   | i64, points                                                   |
/// |     48 |    8 | total       | i64, points; -1: the broker named no allowance                |
/// |     56 |    8 | renewal     | i64, Unix seconds of the local clock; 0: unknown              |
/// |     64 |    8 | request     | u64: position of the request                                  |
/// |     72 |    8 | hasOffset   | i64: 1 if the account's clock was found                       |
/// |     80 |    8 | clockOffset | i64, seconds that the account's clock is ahead of UTC         |
/// |    136 |    8 | received    | i64, ns since 1970 UTC, by the local clock                    |
/// |    144 |    8 | last        | i64, ns since 1970 UTC: as in the request                     |
/// |    152 |    4 | points      | u32: the rows that came                                       |
///
/// The other fields are 0 or those of `CandleEnvelope`.
@frozen
public struct ReplyRecord: StreamRecord {
    public var envelope: CandleEnvelope

    /// - Precondition: the envelope has a valid timeframe.
    /// - Returns: `nil` for an outcome that this version does not know.
    init?(_ envelope: CandleEnvelope) {
        guard HistoryReply.Outcome(rawValue: envelope.flags) != nil else { return nil }
        self.envelope = envelope
    }

    public init(_ reply: HistoryReply, to request: HistoryRequest) {
        envelope = CandleEnvelope(kind: .reply, request)
        envelope.times.0 = reply.received
        envelope.tickCount = UInt32(clamping: reply.points)
        envelope.flags = reply.outcome.rawValue
        envelope.bid = OHLC(
            open: Price(rawValue: Int64(reply.allowance?.remaining ?? 0)),
            high: Price(rawValue: Int64(reply.allowance?.total ?? -1)),
            low: Price(rawValue: reply.allowance?.renewal.rawValue ?? 0),
            close: Price(rawValue: Int64(bitPattern: reply.request)))
        envelope.ask.open = Price(rawValue: reply.clockOffset == nil ? 0 : 1)
        envelope.ask.high = Price(rawValue: reply.clockOffset ?? 0)
    }

    public var reply: HistoryReply {
        guard let outcome = HistoryReply.Outcome(rawValue: envelope.flags) else {
            preconditionFailure("a reply has a known outcome")
        }
        let told = envelope.bid
        let allowance = HistoryReply.Allowance(
            remaining: Int(told.open.rawValue), total: Int(told.high.rawValue),
            renewal: UTCSeconds(rawValue: told.low.rawValue))
        return HistoryReply(
            request: UInt64(bitPattern: told.close.rawValue), outcome: outcome, points: Int(envelope.tickCount),
            allowance: allowance.total < 0 ? nil : allowance, received: envelope.times.0,
            clockOffset: envelope.ask.open.rawValue == 0 ? nil : envelope.ask.high.rawValue)
    }
}

extension CandleEnvelope {
    fileprivate init(kind: RecordKind, _ request: HistoryRequest) {
        self.init(
            kind: kind, request.series, start: UTCNanos(seconds: request.first), source: .bought,
            inputStream: .history)
        times.1 = UTCNanos(seconds: request.last)
    }
}

/// An interval of which the broker was asked and has no candle that can be used, kind `EMPT`: its pair, timeframe and
/// start, and at offset 36 the flag `unusable`. The other fields are 0 or those of `CandleEnvelope`.
@frozen
public struct EmptyRecord: StreamRecord {
    public var envelope: CandleEnvelope

    /// - Precondition: the envelope has a valid timeframe.
    init(_ envelope: CandleEnvelope) { self.envelope = envelope }

    /// - Parameter isUnusable: there were ticks, but the broker's candle lacks a side or cannot be right, or it has
    ///   none although some were streamed. Not to be asked for again, and no part of a larger candle.
    public init(_ series: Series, start: UTCNanos, isUnusable: Bool = false) {
        envelope = CandleEnvelope(kind: .empty, series, start: start, source: .bought, inputStream: .history)
        if isUnusable { envelope.flags = CandleFlags.unusable.rawValue }
    }

    public var series: Series {
        guard let series = envelope.series else { preconditionFailure("an empty interval has a timeframe") }
        return series
    }
    public var start: UTCNanos { envelope.start }
    public var isUnusable: Bool { CandleFlags(rawValue: envelope.flags).contains(.unusable) }
}

/// A stored candle, recorded again as a part of a larger one, kind `PART`: the fields of `CandleRecord`.
@frozen
public struct PartRecord: StreamRecord {
    public var envelope: CandleEnvelope

    /// - Precondition: the envelope has a valid timeframe.
    init(_ envelope: CandleEnvelope) { self.envelope = envelope }

    public init(_ candle: CandleRecord) { envelope = CandleEnvelope(kind: .part, of: candle.envelope) }

    /// The candle.
    public var candle: CandleRecord { CandleRecord(CandleEnvelope(kind: .candle, of: envelope)) }
}

extension CandleEnvelope {
    /// The same with another kind.
    fileprivate init(kind: RecordKind, of other: CandleEnvelope) {
        self = other
        self.kind = kind
    }
}
