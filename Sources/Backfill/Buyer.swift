internal import BrokerAPI
internal import Feed
internal import Host
internal import Logging
internal import MarketData
internal import Planning
internal import RESTClient
internal import Wire

/// Buys what a plan says: each request is in the journal before it is sent, each reply with its candles behind it.
final class Buyer {
    private let writer: StreamWriter
    private let known: KnownHistory
    private let session: BrokerSession
    private let instruments: [Pair: Instrument]
    private let clock: Clock
    private let logger: Logger
    private var accountClock: AccountClock

    private static let triesMax = 5
    /// Intervals without a tick are rare: after so many the guess must do.
    private static let probesMax = 6

    init(
        writer: StreamWriter, known: KnownHistory, session: BrokerSession, instruments: [Instrument], clock: Clock,
        logger: Logger
    ) {
        self.writer = writer
        self.known = known
        self.session = session
        self.instruments = Dictionary(uniqueKeysWithValues: instruments.map { ($0.pair, $0) })
        self.clock = clock
        self.logger = logger
        accountClock = AccountClock(guess: session.offset)
    }

    /// Buys one purchase, in as many requests as it takes.
    /// - Returns: `nil` where it is all bought; else why this one failed, in words.
    /// - Throws: `BuyingEnd` where no other purchase would succeed either; `Failure`, `JournalError`.
    func buy(_ purchase: Purchase) throws -> String? {
        var starts = purchase.starts
        // Questions that told nothing of the clock.
        var silent = 0
        while let first = starts.first, let last = starts.last {
            // The newest end first: its week is the one whose clock is known first.
            let unknown = [last, first].first { !accountClock.isKnown(at: $0) }
            let probe = unknown.map { $0 == last ? starts[starts.count - 1 - silent] : starts[silent] }
            if let failure = try ask(for: probe.map { [$0] } ?? starts, of: purchase.series) { return failure }
            let before = starts.count
            starts.removeAll { known.has(purchase.series, $0) }
            guard let unknown else {
                // Of several pages the first came: on with what is left.
                if starts.count < before { continue }
                return "\(purchase.series): the broker answered with other times than were asked for"
            }
            if accountClock.isKnown(at: unknown) {
                silent = 0
            } else {
                silent += 1
                if silent >= min(Buyer.probesMax, starts.count) { accountClock.settle(at: unknown) }
            }
        }
        return nil
    }

    /// Asks until there is an answer.
    private func ask(for starts: [Int64], of series: Series) throws -> String? {
        var hasLoggedIn = false
        for attempt in 1...Buyer.triesMax {
            try session.awaitTurn()
            do {
                try request(starts, series)
                return nil
            } catch let error as RESTError {
                switch error.disposition {
                case .allowanceSpent: throw BuyingEnd.spent
                case .wrongRequest: return "\(error)"
                case .final:
                    guard case .refused(_, let code) = error.cause else { return "\(error)" }
                    throw Failure(.configuration, "\(error): \(RESTError.advice(errorCode: code))")
                case .logIn where hasLoggedIn:
                    throw BuyingEnd.unavailable("tokens of a fresh login are refused: \(error)")
                case .logIn:
                    hasLoggedIn = true
                    try session.logIn()
                case .slowDown:
                    logger.notice("Too many requests in a minute: resting", metadata: ["error": "\(error)"])
                    session.slowDown()
                case .retry:
                    if case .unreadable = error.cause { return "\(error)" }
                    logger.warning("Request failed", metadata: ["error": "\(error)", "attempt": "\(attempt)"])
                    if attempt < Buyer.triesMax {
                        try session.wait(UTCNanos.perSecond << Int64(attempt - 1), for: "the broker")
                    } else {
                        throw BuyingEnd.unavailable("\(error)")
                    }
                }
            }
        }
        throw BuyingEnd.unavailable("\(series): no answer after \(Buyer.triesMax) requests")
    }

    /// One request and its reply.
    private func request(_ starts: [Int64], _ series: Series) throws {
        guard let instrument = instruments[series.pair], let first = starts.first, let last = starts.last else {
            return
        }
        let asked = accountClock.local(first)
        // Up to the last second of the last interval: right whether the broker counts the end in or not.
        let message = PricesRequest(
            epic: instrument.epic, timeframe: series.timeframe, from: asked,
            to: accountClock.local(last) + series.timeframe.seconds - 1)
        guard let message else { return }
        let request = HistoryRequest(
            series: series, first: first, last: last, points: starts.count, sent: clock.now())
        let position = try append(.request(request))
        try writer.commit(durably: true)
        let reply: PricesReply
        do {
            reply = try session.prices(message, pointShift: instrument.pointShift)
        } catch {
            try record(error, to: request, position)
            throw error
        }
        let isCertain = accountClock.isKnown(at: first) && accountClock.isKnown(at: last)
        // A question for one interval tells how far the account's clock is from UTC.
        if !isCertain, starts.count == 1, let got = reply.rows.compactMap(\.start).first {
            accountClock.learn(asked: asked, got: got)
        }
        // Where there are more pages, what is missing may be on them.
        try record(reply, to: request, position, isCertain && reply.pageCount <= 1 ? starts : [])
    }

    // MARK: Records

    /// Candles, then what is not there, then the reply: one burst, durable before it goes out.
    /// - Parameter starts: the intervals that have no candle where the reply has none.
    private func record(
        _ reply: PricesReply, to request: HistoryRequest, _ position: UInt64, _ starts: [Int64]
    ) throws {
        let now = session.now
        var missing = Set(starts.filter { $0 + request.series.timeframe.seconds <= now })
        for row in reply.rows {
            guard let candle = candle(row, request.series, now: now) else { continue }
            missing.remove(candle.start.seconds)
            _ = try append(candle)
        }
        for start in missing.sorted() { _ = try append(.empty(request.series, start: UTCNanos(seconds: start))) }
        let allowance = reply.allowance.map {
            HistoryReply.Allowance(
                remaining: $0.remaining, total: $0.total, renewal: clock.now().seconds + Int64($0.expiry))
        }
        try close(request, position, .answered, points: reply.rows.count, allowance)
    }

    private func record(_ error: RESTError, to request: HistoryRequest, _ position: UInt64) throws {
        guard case .refused = error.cause else { return try close(request, position, .unanswered, points: 0, nil) }
        var allowance: HistoryReply.Allowance?
        if error.disposition == .allowanceSpent {
            let estimate = known.ledger.estimate(now: clock.now().seconds)
            allowance = HistoryReply.Allowance(
                remaining: 0, total: estimate.total, renewal: estimate.renewal ?? 0)
        }
        try close(request, position, .refused, points: 0, allowance)
    }

    private func close(
        _ request: HistoryRequest, _ position: UInt64, _ outcome: HistoryReply.Outcome, points: Int,
        _ allowance: HistoryReply.Allowance?
    ) throws {
        let reply = HistoryReply(
            request: position, outcome: outcome, points: points, allowance: allowance, received: clock.now())
        _ = try append(.reply(reply, to: request))
        try writer.commit(durably: true)
    }

    /// - Returns: `nil` where a side is missing, the interval has not ended, or the prices cannot be a candle's.
    private func candle(_ row: PricesReply.Row, _ series: Series, now: Int64) -> CandleRecord? {
        let length = series.timeframe.seconds
        guard let start = row.start, start + length <= now, floorDivide(start, length) * length == start else {
            return nil
        }
        guard let bid = row.bid, let ask = row.ask, bid.isConsistent, ask.isConsistent else {
            logger.notice(
                "A candle of the broker cannot be used",
                metadata: ["series": "\(series)", "start": "\(UTCNanos(seconds: start).text())"])
            return nil
        }
        var candle = CandleRecord(
            pair: series.pair, timeframe: series.timeframe, start: UTCNanos(seconds: start), bid: bid, ask: ask,
            mid: .mid(bid: bid, ask: ask), source: .bought, inputStream: .history)
        // What the broker calls volume is its count of ticks. Source: `ig-api` § 3.3.
        candle.tickCount = UInt32(clamping: row.volume ?? 0)
        candle.publishTime = clock.now()
        return candle
    }

    private func append(_ record: CandleRecord) throws -> UInt64 {
        let position = try writer.append(record)
        var noted = record
        noted.position = position
        known.note(noted)
        return position
    }
}

@available(*, unavailable)
extension Buyer: Sendable {}
