internal import Assumptions
internal import Host
internal import IG
internal import IGClient
internal import Logging
internal import MarketData
internal import Planning
internal import Streams
internal import Wire

/// Buys what a plan says: each request is in the journal before it is sent, each reply with its candles behind it.
final class Buyer {
    private let writer: StreamWriter
    private let known: KnownHistory
    private let session: BrokerSession
    private let instruments: [Pair: Instrument]
    let clock: Clock
    private let logger: Logger
    private let spending: () -> Spending
    private let isRepair: Bool
    private var accountClock: AccountClock
    var assumptions = AssumptionTally()
    /// Points that were left at the last reply; `nil` if it did not say.
    var remaining: Int?

    private static let triesMax = 5
    /// So many candles of one reply that all cannot be used are no accident: it would go on like that.
    private static let uselessMin = 5
    /// Intervals without a tick are rare: after so many other ways are tried to know the account's clock.
    private static let probesMax = 3

    /// - Parameter spending: asked before each request: what may be spent from now on.
    init(
        writer: StreamWriter, known: KnownHistory, session: BrokerSession, instruments: [Instrument],
        spending: @escaping () -> Spending, isRepair: Bool, clock: Clock, logger: Logger
    ) {
        self.writer = writer
        self.known = known
        self.session = session
        self.instruments = Dictionary(uniqueKeysWithValues: instruments.map { ($0.pair, $0) })
        self.spending = spending
        self.isRepair = isRepair
        self.clock = clock
        self.logger = logger
        accountClock = AccountClock(guess: session.offset)
        for entry in known.ledger.entries {
            if let offset = entry.reply?.clockOffset { accountClock.learn(offset, at: entry.request.last) }
        }
    }

    /// Buys one purchase, in as many requests as it takes.
    /// - Returns: `nil` where the broker gave what it has; else why this one failed, in words.
    /// - Throws: `BuyingEnd` where no other purchase would succeed either; `Failure`, `JournalError`.
    func buy(_ purchase: Purchase) throws -> String? {
        let series = purchase.series
        var starts = purchase.starts
        // Questions that told nothing of the clock, and answers of other times.
        var (probes, detours) = (0, 0)
        while let first = starts.first, let last = starts.last {
            // The newest end first.
            let unknown = [last, first].first { !accountClock.isKnown(at: $0) }
            let probe = try unknown.flatMap { try self.probe($0, starts, series, asked: probes) }
            let answer = try ask(for: probe.map { [$0] } ?? starts, of: series)
            if case .failed(let reason) = answer { return reason }
            let before = starts.count
            starts.removeAll { known.has(series, $0) }
            if let unknown, probe != nil {
                if !accountClock.isKnown(at: unknown) { probes += 1 }
            } else if answer == .otherTimes {
                detours += 1
                if detours > 1 { return "\(series): the broker answered with candles of other times" }
            } else if answer == .whole || starts.count == before {
                return nil
            }
        }
        return nil
    }

    /// What to ask for to learn the clock of a week: some of the wanted intervals, then a candle that the store has,
    /// which costs a point. `nil` where nothing is left to try.
    private func probe(_ unknown: Int64, _ starts: [Int64], _ series: Series, asked: Int) throws -> Int64? {
        let week = starts.filter { TradingWeek.opened(by: $0) == TradingWeek.opened(by: unknown) }
        switch asked {
        case 0: return unknown
        case 1: return week[week.count / 2]
        case 2: return unknown == week.last ? week.first : week.last
        case Buyer.probesMax: return try known.anchor(series, near: unknown)
        default: return nil
        }
    }

    /// As much of the newest as may be spent. Where points are not confirmed, one first: its reply tells what is left.
    /// - Throws: `BuyingEnd.spent`, `.bound`.
    private func affordable(_ starts: [Int64], _ timeframe: Timeframe) throws -> [Int64] {
        let spending = spending()
        guard spending.limit > 0 else { throw BuyingEnd.bound }
        let estimate = known.ledger.estimate(now: clock.now().seconds)
        let ends = starts.reversed().map { $0 + timeframe.seconds }
        let count = spending.affordable(ends, estimate.spendable)
        if count == starts.count { return starts }
        if count < min(starts.count, spending.limit), estimate.unconfirmed > 0,
            spending.affordable(ends, estimate.hoped) > 0
        {
            return [starts[starts.count - 1]]
        }
        guard count > 0 else { throw BuyingEnd.spent(isRefused: false) }
        return Array(starts.suffix(count))
    }

    // MARK: Requests

    /// What a question brought.
    private enum Answer: Equatable {
        /// All that the broker has of it.
        case whole
        /// A part: of several pages, or as much as could be spent.
        case part
        /// Candles of other times than were asked for.
        case otherTimes
        case failed(String)
    }

    /// Asks until there is an answer.
    private func ask(for starts: [Int64], of series: Series) throws -> Answer {
        var hasLoggedIn = false
        var isLost = false
        var attempt = 0
        while true {
            attempt += 1
            // A lost answer may be paid: the next question is for one candle, whose reply tells what is left.
            let affordable = try affordable(starts, series.timeframe)
            let piece = isLost ? affordable.suffix(1) : affordable[...]
            try session.awaitTurn()
            do {
                let answer = try request(Array(piece), series)
                return answer == .whole && piece.count < starts.count ? .part : answer
            } catch let error as RESTError {
                switch error.disposition {
                case .allowanceSpent: throw BuyingEnd.spent(isRefused: true)
                case .wrongRequest: return .failed("\(series): \(error)\(hint(error, series.pair))")
                case .final: throw Failure(.configuration, "\(error): \(error.advice)")
                case _ where attempt == Buyer.triesMax: throw BuyingEnd.unavailable("\(series): \(error)")
                case .logIn where hasLoggedIn:
                    throw BuyingEnd.unavailable("the broker refuses the tokens of a new login: \(error)")
                case .logIn:
                    hasLoggedIn = true
                    try session.logIn()
                case .slowDown:
                    logger.notice("Too many requests in a minute, pausing", metadata: ["error": "\(error)"])
                    session.slowDown()
                case .retry:
                    // It was paid, and would be again.
                    if case .unreadable = error.cause { throw BuyingEnd.unavailable("\(series): \(error)") }
                    isLost = true
                    logger.warning("Request failed", metadata: ["error": "\(error)", "attempt": "\(attempt)"])
                    try session.wait(UTCNanos.perSecond << Int64(attempt - 1), for: "the broker")
                }
            }
        }
    }

    /// What is probably wrong with a request for a pair.
    private func hint(_ error: RESTError, _ pair: Pair) -> String {
        let codes = [
            "error.error.price-history.io-error", "error.public-api.epic-not-found", "error.unsupported.epic",
        ]
        guard case .refused(_, let code) = error.cause, codes.contains(code), let epic = instruments[pair]?.epic else {
            return ""
        }
        return " (does the account know \(epic)? See instruments in the configuration)"
    }

    /// One request and its reply.
    private func request(_ starts: [Int64], _ series: Series) throws -> Answer {
        guard let instrument = instruments[series.pair], let first = starts.first, let last = starts.last else {
            return .whole
        }
        // Up to the last second of the last interval: right whether the broker counts the end in or not.
        let message = PricesRequest(
            epic: instrument.epic, timeframe: series.timeframe, from: accountClock.local(first),
            to: accountClock.local(last) + series.timeframe.seconds - 1)
        guard let message else { return .failed("\(series): the broker does not sell this timeframe") }
        let request = HistoryRequest(
            series: series, first: first, last: last, points: starts.count, sent: clock.now(), isRepair: isRepair)
        let position = try append(RequestRecord(request))
        try writer.commit(durably: true)
        let reply: PricesReply
        do {
            reply = try session.prices(message, pointShift: instrument.pointShift)
        } catch {
            try record(error, to: request, position)
            throw error
        }
        return try take(reply, to: request, position, starts, asked: message.from)
    }

    /// Learns the clock from a reply, judges it, and records it.
    private func take(
        _ reply: PricesReply, to request: HistoryRequest, _ position: UInt64, _ starts: [Int64], asked: Int64
    ) throws -> Answer {
        let isKnown = [request.first, request.last].allSatisfy(accountClock.isKnown)
        let offset = starts.count == 1 ? self.offset(reply, asked: asked, request.first) : nil
        if let offset { accountClock.learn(offset, at: request.first) }
        let isOfOtherTimes = reply.rows.contains { row in
            row.start.map { !(request.first...request.last).contains($0) } ?? true
        }
        watch(reply, isOfOtherTimes: isOfOtherTimes && isKnown)
        if isOfOtherTimes, isKnown {
            for start in [request.first, request.last] { accountClock.forget(at: start) }
        }
        let isWhole = isKnown && !isOfOtherTimes && reply.pageCount <= 1
        let used = try record(reply, to: request, position, offset, missing: isWhole ? starts : [])
        if used == 0, reply.rows.count >= Buyer.uselessMin {
            throw BuyingEnd.unavailable(
                "\(request.series): none of \(reply.rows.count) candles can be used: \(flaw(reply.rows[0]))")
        }
        return isOfOtherTimes ? .otherTimes : reply.pageCount > 1 ? .part : .whole
    }

    /// What the one candle of a reply shows of the clock in the week of `second`.
    private func offset(_ reply: PricesReply, asked: Int64, _ second: Int64) -> Int64? {
        guard reply.rows.count == 1, let got = reply.rows[0].start,
            TradingWeek.opened(by: got) == TradingWeek.opened(by: second)
        else { return nil }
        return AccountClock.offset(asked: asked, got: got)
    }

    // MARK: Records

    /// Candles, then what is not there, then the reply: one burst, durable before it goes out.
    /// - Parameter missing: the intervals that have no candle where the reply has none.
    /// - Returns: how many candles can be used.
    private func record(
        _ reply: PricesReply, to request: HistoryRequest, _ position: UInt64, _ offset: Int64?, missing: [Int64]
    ) throws -> Int {
        let now = session.now
        var used = 0
        var missing = Set(missing)
        for row in reply.rows {
            guard let start = start(of: row, request.series, endedBy: now) else { continue }
            missing.remove(start.seconds)
            if let candle = candle(row, request.series, start) {
                used += 1
                _ = try append(candle)
            } else {
                _ = try append(EmptyRecord(request.series, start: start, isUnusable: true))
            }
        }
        let newest = reply.rows.compactMap(\.start).max() ?? .min
        for start in missing.sorted() where isEmpty(start, request, newest: newest, now: now) {
            let isUnusable = try known.isPartial(request.series, start)
            _ = try append(EmptyRecord(request.series, start: UTCNanos(seconds: start), isUnusable: isUnusable))
        }
        let allowance = reply.allowance.map {
            HistoryReply.Allowance(
                remaining: $0.remaining, total: $0.total,
                renewal: $0.expiry.map { clock.now().seconds + Int64($0) } ?? 0)
        }
        try close(
            HistoryReply(
                request: position, outcome: .answered, points: reply.rows.count, allowance: allowance,
                received: clock.now(), clockOffset: offset), request)
        return used
    }

    /// Whether a candle that did not come does not exist: the broker has later ones, or had an hour's time; and a reply
    /// without any candle counts only where another one, an hour before, had none either.
    private func isEmpty(_ start: Int64, _ request: HistoryRequest, newest: Int64, now: Int64) -> Bool {
        if newest > .min { return start < newest || start + request.series.timeframe.seconds + 3_600 <= now }
        let hourAgo = clock.now().seconds - 3_600
        return known.ledger.entries.contains { entry in
            guard let reply = entry.reply, reply.outcome == .answered, reply.points == 0 else { return false }
            return entry.request.series == request.series && reply.received.seconds <= hourAgo
                && (entry.request.first...entry.request.last).contains(start)
        }
    }

    private func record(_ error: RESTError, to request: HistoryRequest, _ position: UInt64) throws {
        var outcome = HistoryReply.Outcome.unanswered
        // A gateway's error may hide an answer that was paid.
        if case .refused(let status, _) = error.cause, status < 500 { outcome = .refused }
        var allowance: HistoryReply.Allowance?
        if error.disposition == .allowanceSpent {
            let estimate = known.ledger.estimate(now: clock.now().seconds)
            allowance = HistoryReply.Allowance(
                remaining: 0, total: estimate.total, renewal: estimate.renewal ?? 0)
        }
        try close(
            HistoryReply(
                request: position, outcome: outcome, points: 0, allowance: allowance, received: clock.now()), request)
    }

    private func close(_ reply: HistoryReply, _ request: HistoryRequest) throws {
        _ = try append(ReplyRecord(reply, to: request))
        try writer.commit(durably: true)
    }

    /// The start of a row's interval; `nil` if it has not ended, or is not one of ours.
    private func start(of row: PricesReply.Row, _ series: Series, endedBy now: Int64) -> UTCNanos? {
        let length = series.timeframe.seconds
        guard let start = row.start, start + length <= now, floorDivide(start, length) * length == start else {
            return nil
        }
        return UTCNanos(seconds: start)
    }

    /// - Returns: `nil` where a side is missing, or the prices cannot be a candle's.
    private func candle(_ row: PricesReply.Row, _ series: Series, _ start: UTCNanos) -> CandleRecord? {
        guard let bid = row.bid, let ask = row.ask, bid.isConsistent, ask.isConsistent else {
            logger.notice(
                "A bought candle is not usable",
                metadata: ["series": "\(series)", "start": "\(start.text())", "reason": "\(flaw(row))"])
            return nil
        }
        var candle = CandleRecord(
            series, start: start, bid: bid, ask: ask, mid: .mid(bid: bid, ask: ask), source: .bought,
            inputStream: .history)
        // What the broker calls volume is its count of ticks. Source: `ig-api` § 3.3.
        candle.tickCount = UInt32(clamping: row.volume ?? 0)
        candle.publishTime = clock.now()
        return candle
    }

    /// Why a row is no candle.
    private func flaw(_ row: PricesReply.Row) -> String {
        guard row.bid != nil, row.ask != nil else {
            return "a price is missing, or is not a positive decimal of at most \(Price.decimalsMax) places"
        }
        return "its open or close lies outside its low and high"
    }

    private func append<Record: StreamRecord>(_ record: Record) throws -> UInt64
    where Record.Envelope == CandleEnvelope {
        let position = try writer.append(record)
        var noted = record.envelope
        noted.position = position
        known.note(noted)
        return position
    }
}

@available(*, unavailable)
extension Buyer: Sendable {}
