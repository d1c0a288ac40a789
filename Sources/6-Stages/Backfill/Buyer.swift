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
    private let journal: PurchaseJournal
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
        journal = PurchaseJournal(writer: writer, known: known, clock: clock, logger: logger)
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
        // Questions whose answers showed nothing of the clock, and answers of other times.
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
                if detours > 1 { return "\(series): the broker sent candles of other times than requested" }
            } else if answer == .whole || starts.count == before {
                return nil
            }
        }
        return nil
    }

    /// What to ask for to learn the clock of a week: some of the wanted intervals, then a candle that the store has,
    /// which costs a point. `nil` where nothing is left to try.
    private func probe(_ unknown: UTCSeconds, _ starts: [UTCSeconds], _ series: Series, asked: Int) throws
        -> UTCSeconds?
    {
        let week = starts.filter { AccountClock.week(of: $0) == AccountClock.week(of: unknown) }
        switch asked {
        case 0: return unknown
        case 1: return week[week.count / 2]
        case 2: return unknown == week.last ? week.first : week.last
        case Buyer.probesMax: return try known.anchor(series, near: unknown)
        default: return nil
        }
    }

    /// As much of the newest as may be spent. If points are not confirmed, one first: its reply shows what is left.
    /// - Throws: `BuyingEnd.spent`, `.bound`.
    private func affordable(_ starts: [UTCSeconds], _ timeframe: Timeframe) throws -> [UTCSeconds] {
        let spending = spending()
        guard spending.limit > 0 else { throw BuyingEnd.bound }
        let estimate = known.ledger.estimate(now: clock.now().seconds)
        let ends = starts.reversed().map { $0 + timeframe }
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
    private func ask(for starts: [UTCSeconds], of series: Series) throws -> Answer {
        var hasLoggedIn = false
        var isLost = false
        var attempt = 0
        while true {
            attempt += 1
            // A lost answer may be paid: the next question is for one candle, whose reply shows what is left.
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
    private func request(_ starts: [UTCSeconds], _ series: Series) throws -> Answer {
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
        let position = try journal.begin(request)
        let reply: PricesReply
        do {
            reply = try session.prices(message, pointShift: instrument.pointShift)
        } catch {
            try journal.end(request, position, error)
            throw error
        }
        return try take(reply, to: request, position, starts, asked: message.from)
    }

    /// Learns the clock from a reply, judges it, and records it.
    private func take(
        _ reply: PricesReply, to request: HistoryRequest, _ position: UInt64, _ starts: [UTCSeconds], asked: Int64
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
        let used = try journal.end(
            request, position, reply, clockOffset: offset, missing: isWhole ? starts : [], now: session.now)
        if used == 0, reply.rows.count >= Buyer.uselessMin {
            throw BuyingEnd.unavailable(
                "\(request.series): none of \(reply.rows.count) candles can be used: \(reply.rows[0].flaw)")
        }
        return isOfOtherTimes ? .otherTimes : reply.pageCount > 1 ? .part : .whole
    }

    /// What the one candle of a reply shows of the clock in the week of a moment.
    private func offset(_ reply: PricesReply, asked: Int64, _ moment: UTCSeconds) -> Int64? {
        guard reply.rows.count == 1, let got = reply.rows[0].start,
            AccountClock.week(of: got) == AccountClock.week(of: moment)
        else { return nil }
        return AccountClock.offset(asked: asked, got: got)
    }
}

@available(*, unavailable)
extension Buyer: Sendable {}
