public import MarketData

/// A request for candles of the broker's history, as the `history` stream keeps it: written before it is sent, so that
/// one which nobody could see the end of is known. Source: docs/formats.md § 2.1.
public struct HistoryRequest: Hashable, Sendable {
    public let series: Series
    /// Starts of the first and the last interval that is asked for, Unix seconds.
    public let first: Int64
    public let last: Int64
    /// What it costs at most: the number of intervals.
    public let points: Int
    /// When it was sent, by the local clock.
    public let sent: UTCNanos
    /// Whether repair asked: its points of a week are bounded.
    public let isRepair: Bool

    public init(series: Series, first: Int64, last: Int64, points: Int, sent: UTCNanos, isRepair: Bool = false) {
        self.isRepair = isRepair
        self.series = series
        self.first = first
        self.last = last
        self.points = points
        self.sent = sent
    }
}

/// What came of a request. In the stream it follows the candles that it brought.
public struct HistoryReply: Hashable, Sendable {
    public enum Outcome: UInt32, Sendable {
        /// Candles, or none.
        case answered = 1
        /// The broker said no: nothing was paid.
        case refused = 2
        /// No answer, or one that cannot be read: it may have been paid.
        case unanswered = 3
    }

    /// What may still be bought.
    public struct Allowance: Hashable, Sendable {
        public let remaining: Int
        public let total: Int
        /// When it is given anew, Unix seconds of the local clock; 0: unknown.
        public let renewal: Int64

        public init(remaining: Int, total: Int, renewal: Int64) {
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
    /// `nil` where this reply does not show it.
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

extension CandleRecord {
    /// Kind `RQST`: `start` and `lastTickTime` the first and the last interval, `tickCount` the points,
    /// `firstTickTime` when it was sent, `flags` 1 if repair asked.
    public static func request(_ request: HistoryRequest) -> CandleRecord {
        var record = CandleRecord(.request, request)
        record.firstTickTime = request.sent
        record.tickCount = UInt32(clamping: request.points)
        record.flags = CandleFlags(rawValue: request.isRepair ? 1 : 0)
        return record
    }

    /// The request of an `RQST` record; `nil` for others.
    public var historyRequest: HistoryRequest? {
        guard kind == .request, let series else { return nil }
        return HistoryRequest(
            series: series, first: start.seconds, last: lastTickTime.seconds, points: Int(tickCount),
            sent: firstTickTime, isRepair: flags.rawValue & 1 == 1)
    }

    /// Kind `RPLY`: `start` and `lastTickTime` of its request, `flags` the outcome, `tickCount` the rows,
    /// `firstTickTime` when it came; in `bid` the remaining points, the total, the renewal and the request's position;
    /// in `ask` whether a clock offset was found, and that.
    public static func reply(_ reply: HistoryReply, to request: HistoryRequest) -> CandleRecord {
        var record = CandleRecord(.reply, request)
        record.firstTickTime = reply.received
        record.tickCount = UInt32(clamping: reply.points)
        record.flags = CandleFlags(rawValue: reply.outcome.rawValue)
        let told = [
            Int64(reply.allowance?.remaining ?? 0), Int64(reply.allowance?.total ?? -1), reply.allowance?.renewal ?? 0,
            Int64(bitPattern: reply.request),
        ].map { Price(rawValue: $0) }
        record.bid = OHLC(open: told[0], high: told[1], low: told[2], close: told[3])
        record.ask.open = Price(rawValue: reply.clockOffset == nil ? 0 : 1)
        record.ask.high = Price(rawValue: reply.clockOffset ?? 0)
        return record
    }

    /// The reply of an `RPLY` record; `nil` for others and for an unknown outcome.
    public var historyReply: HistoryReply? {
        guard kind == .reply, let outcome = HistoryReply.Outcome(rawValue: flags.rawValue) else { return nil }
        let allowance = HistoryReply.Allowance(
            remaining: Int(bid.open.rawValue), total: Int(bid.high.rawValue), renewal: bid.low.rawValue)
        return HistoryReply(
            request: UInt64(bitPattern: bid.close.rawValue), outcome: outcome, points: Int(tickCount),
            allowance: allowance.total < 0 ? nil : allowance, received: firstTickTime,
            clockOffset: ask.open.rawValue == 0 ? nil : ask.high.rawValue)
    }

    /// Kind `EMPT`: the interval's pair, timeframe and start.
    /// - Parameter isUnusable: there were ticks, but the broker's candle lacks a side or cannot be right, or it has
    ///   none where some were streamed. Not to be asked for again, and no part of a larger candle.
    public static func empty(_ series: Series, start: UTCNanos, isUnusable: Bool = false) -> CandleRecord {
        var record = CandleRecord(
            kind: .empty, pair: series.pair, timeframe: series.timeframe, start: start, bid: .zero, ask: .zero,
            mid: .zero, source: .bought, inputStream: .history)
        if isUnusable { record.flags = .unusable }
        return record
    }

    /// - Returns: `nil` where the record holds no valid timeframe.
    public var series: Series? { timeframe.map { Series(pair, $0) } }

    private init(_ kind: RecordKind, _ request: HistoryRequest) {
        self.init(
            kind: kind, pair: request.series.pair, timeframe: request.series.timeframe,
            start: UTCNanos(seconds: request.first), bid: .zero, ask: .zero, mid: .zero, source: .bought,
            inputStream: .history)
        lastTickTime = UTCNanos(seconds: request.last)
    }
}
