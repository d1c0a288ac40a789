internal import Host
internal import IG
internal import Logging
internal import MarketData
internal import Streams
internal import Wire

/// What was asked and what came of it, as records of the history stream: the request before it is sent, then the candles,
/// what is not there, and the reply. Each burst is durable before it goes out.
struct PurchaseJournal {
    let writer: StreamWriter
    let known: KnownHistory
    let clock: Clock
    let logger: Logger

    /// - Returns: the request's position. It is on the disk.
    func begin(_ request: HistoryRequest) throws -> UInt64 {
        let position = try append(RequestRecord(request))
        try writer.commit(durably: true)
        return position
    }

    /// Candles, then what is not there, then the reply.
    /// - Parameters:
    ///   - clockOffset: what the reply showed of the account's clock, seconds.
    ///   - missing: the intervals that have no candle if the reply has none.
    ///   - now: the broker's time.
    /// - Returns: how many candles can be used.
    func end(
        _ request: HistoryRequest, _ position: UInt64, _ reply: PricesReply, clockOffset: Int64?, missing: [UTCSeconds],
        now: UTCSeconds
    ) throws -> Int {
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
                renewal: $0.expiry.map { clock.now().seconds + .seconds($0) } ?? UTCSeconds(rawValue: 0))
        }
        try close(
            HistoryReply(
                request: position, outcome: .answered, points: reply.rows.count, allowance: allowance,
                received: clock.now(), clockOffset: clockOffset), request)
        return used
    }

    /// The request brought nothing.
    func end(_ request: HistoryRequest, _ position: UInt64, _ error: RESTError) throws {
        var outcome = HistoryReply.Outcome.unanswered
        // A gateway's error may hide an answer that was paid.
        if case .refused(let status, _) = error.cause, status < 500 { outcome = .refused }
        var allowance: HistoryReply.Allowance?
        if error.disposition == .allowanceSpent {
            let estimate = known.ledger.estimate(now: clock.now().seconds)
            allowance = HistoryReply.Allowance(
                remaining: 0, total: estimate.total, renewal: estimate.renewal ?? UTCSeconds(rawValue: 0))
        }
        try close(
            HistoryReply(
                request: position, outcome: outcome, points: 0, allowance: allowance, received: clock.now()), request)
    }

    private func close(_ reply: HistoryReply, _ request: HistoryRequest) throws {
        _ = try append(ReplyRecord(reply, to: request))
        try writer.commit(durably: true)
    }

    private func append<Record: StreamRecord>(_ record: Record) throws -> UInt64
    where Record.Envelope == CandleEnvelope {
        let position = try writer.append(record)
        var noted = record.envelope
        noted.position = position
        known.note(noted)
        return position
    }

    // MARK: Rows

    /// Whether a candle that did not come does not exist: the broker has later ones, or had an hour's time; and a reply
    /// without any candle counts only where another one, an hour before, had none either.
    private func isEmpty(_ start: UTCSeconds, _ request: HistoryRequest, newest: UTCSeconds, now: UTCSeconds) -> Bool {
        if newest > .min { return start < newest || start + request.series.timeframe + .seconds(3_600) <= now }
        let hourAgo = clock.now().seconds - .seconds(3_600)
        return known.ledger.entries.contains { entry in
            guard let reply = entry.reply, reply.outcome == .answered, reply.points == 0 else { return false }
            return entry.request.series == request.series && reply.received.seconds <= hourAgo
                && (entry.request.first...entry.request.last).contains(start)
        }
    }

    /// The start of a row's interval; `nil` if it has not ended, or is not one of ours.
    private func start(of row: PricesReply.Row, _ series: Series, endedBy now: UTCSeconds) -> UTCNanos? {
        let timeframe = series.timeframe
        guard let start = row.start, start + timeframe <= now, timeframe.start(of: start) == start else { return nil }
        return UTCNanos(seconds: start)
    }

    /// - Returns: `nil` where a side is missing, or the prices cannot be a candle's.
    private func candle(_ row: PricesReply.Row, _ series: Series, _ start: UTCNanos) -> CandleRecord? {
        guard let bid = row.bid, let ask = row.ask, bid.isConsistent, ask.isConsistent else {
            logger.notice(
                "A bought candle is not usable",
                metadata: ["series": "\(series)", "start": "\(start.text())", "reason": "\(row.flaw)"])
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
}

@available(*, unavailable)
extension PurchaseJournal: Sendable {}

extension PricesReply.Row {
    /// Why it is no candle.
    var flaw: String {
        guard bid != nil, ask != nil else {
            return "a price is missing, or is not a positive decimal of at most \(Price.decimalsMax) places"
        }
        return "its open or close lies outside its low and high"
    }
}
