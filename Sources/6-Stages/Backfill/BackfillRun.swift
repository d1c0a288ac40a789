internal import Assumptions
public import Host
public import IG
internal import IGClient
internal import Logging
internal import MarketData
public import Planning
public import Settings
internal import Streams
internal import Wire

/// How buying ended.
public struct BackfillSummary: Hashable, Sendable {
    public internal(set) var requests = 0
    public internal(set) var candles = 0
    public internal(set) var points = 0
    /// Larger candles that were to be made of smaller ones.
    public internal(set) var derived = 0
    /// Candles that can neither be bought nor derived.
    public internal(set) var unobtainable = 0
    /// Purchases that failed, and why.
    public internal(set) var failures: [String] = []
    /// Points that are wanted and were not spent.
    public internal(set) var postponed = 0
    /// Whether a bound of the run itself, and not the week's points, postponed them.
    public internal(set) var isLimited = false
    /// Why it ended before the plan; `nil` where it did not.
    public internal(set) var end: String?
    public internal(set) var exitCode = ExitCode.ok
    /// Whether all of it can be read in the database.
    public internal(set) var isStored = false
    public internal(set) var quota: QuotaLedger.Estimate
}

/// The observer of the buying.
public protocol BackfillProgress: AnyObject {
    /// The history stream can be subscribed to.
    func serves(_ endpoint: String)
    func began(_ proposal: Proposal, pace: Configuration.History)
    /// A wait of seconds, and for what.
    func waits(_ seconds: Int, _ reason: String)
    /// A purchase is done; `failure` says why it is not bought.
    func finished(_ purchase: Purchase, failure: String?, _ summary: BackfillSummary)
}

/// One task carried out: plan, log in, plan again by the broker's clock, buy, see that it is stored.
final class BackfillRun {
    private let backfill: Backfill
    private let task: BackfillTask
    /// Points that were agreed to.
    private let limit: Int
    private let progress: any BackfillProgress
    private let writer: StreamWriter
    private let known: KnownHistory
    private let status: StatusPublisher
    private var state = "logging in"
    private var purchasesLeft = 0
    private var summary: BackfillSummary
    /// What was there before the first request.
    private let before: (requests: Int, points: Int, candles: Int)

    /// How long the later stages may take to store what was bought, where they run.
    private static let storingNanos = 10 * UTCNanos.perSecond

    /// Becomes the one that buys, and reads what is known.
    init(_ backfill: Backfill, _ task: BackfillTask, limit: Int, _ progress: any BackfillProgress) throws {
        self.backfill = backfill
        self.task = task
        self.limit = limit
        self.progress = progress
        let bus = try SocketBus(backfill.paths)
        do {
            writer = try StreamWriter(
                stream: .history, paths: backfill.paths,
                settings: backfill.configuration.journal, bus: bus, logger: backfill.logger,
                heldFor: .aggregator)
        } catch let failure as Failure where failure.code == .temporary {
            throw Failure(.temporary, "another ingest-backfill is buying now: \(failure)")
        }
        status = try StatusPublisher(.ingestBackfill, bus: bus, logger: backfill.logger)
        known = try backfill.knownHistory()
        // What the database does not have yet must not be dropped by age: it would be bought again.
        try ConsumerMark(folder: backfill.paths.journal(.history), consumer: .database).note(known.storedPosition)
        before = (known.ledger.entries.count, known.ledger.paid, known.candleCount)
        summary = BackfillSummary(quota: known.ledger.estimate(now: backfill.clock.now().seconds))
    }

    func carryOut() throws -> BackfillSummary {
        var proposal = try propose(now: try backfill.feedClock().now)
        var session: BrokerSession?
        if !proposal.plan.purchases.isEmpty {
            let opened = try brokerSession(try Credentials(environment: backfill.environment))
            progress.serves(writer.endpoint)
            try logIn(opened)
            // Now the broker has said what time it is.
            proposal = try propose(now: opened.now)
            session = opened
        }
        let buyer = session.map(buyer)
        defer { keepBook(buyer, session) }
        if let buyer, let session { proposal = try confirmed(proposal, buyer, session) }
        if summary.end == nil { try carryOut(proposal, buyer) }
        if summary.postponed > 0, summary.exitCode == .ok { summary.exitCode = .temporary }
        try writer.close()
        summary.isStored = try waitUntilStored(
            known.lastPosition, summary.requests == 0 ? proposal.plan.derived : [],
            isPatient: !proposal.plan.isEmpty && known.hasDatabase)
        return summary
    }

    /// What the broker did with assumptions.
    private func keepBook(_ buyer: Buyer?, _ session: BrokerSession?) {
        guard let buyer, let session else { return }
        buyer.watch(session.limits)
        do {
            try AssumptionBook(stateFolder: backfill.paths.collectorState, program: "ingest-backfill").write(
                buyer.assumptions)
        } catch {
            backfill.logger.warning("Assumptions cannot be recorded", metadata: ["error": "\(error)"])
        }
    }

    /// Where the broker has not said what is left, one candle first: its reply does. So all pairs get their share of it.
    /// Repair does so always: other programs may have spent points meanwhile, and the reserve must not be spent by mistake.
    private func confirmed(_ proposal: Proposal, _ buyer: Buyer, _ session: BrokerSession) throws -> Proposal {
        guard task == .repair || !proposal.quota.isTold || proposal.quota.unconfirmed > 0,
            let first = proposal.plan.purchases.first?.newest(1)
        else { return proposal }
        let failure = try attempt(first, buyer)
        if let failure { backfill.logger.notice("A first candle failed", metadata: ["reason": "\(failure)"]) }
        let next = try backfill.propose(task, known, now: session.now, limit: limit, spent: spent)
        summary.postponed = next.plan.points + next.plan.postponed
        if summary.end == nil, let refusal = next.refusal { (summary.end, summary.exitCode) = (refusal, .temporary) }
        return next
    }

    private func carryOut(_ proposal: Proposal, _ buyer: Buyer?) throws {
        summary.derived = proposal.plan.derived.count
        summary.unobtainable = proposal.plan.unobtainable
        summary.postponed = proposal.plan.postponed
        summary.isLimited = proposal.isLimited
        if !proposal.plan.isEmpty { progress.began(proposal, pace: backfill.configuration.history) }
        try tellParts(of: proposal)
        if let buyer { try buy(proposal, buyer) }
    }

    private func propose(now: UTCSeconds) throws -> Proposal {
        let proposal = try backfill.propose(task, known, now: now, limit: limit)
        if let refusal = proposal.refusal { throw Failure(.temporary, refusal) }
        return proposal
    }

    private func brokerSession(_ credentials: Credentials) throws -> BrokerSession {
        let session = BrokerSession(
            credentials: credentials, paths: backfill.paths, configuration: backfill.configuration,
            stop: backfill.stop, clock: backfill.clock, logger: backfill.logger)
        session.onWait = progress.waits
        session.onTurn = { [unowned self] in try publishStatus() }
        for entry in known.ledger.entries.suffix(100) { session.notePast(entry.request.sent) }
        return session
    }

    private func logIn(_ session: BrokerSession) throws {
        do {
            try session.logIn()
        } catch BuyingEnd.stopped {
            throw Failure(.temporary, "stopped before the login")
        }
    }

    /// Records again what the database has of larger candles that shall be derived, so that the history stream alone
    /// suffices to make them. Before the purchases: with the last of them they are complete.
    private func tellParts(of proposal: Proposal) throws {
        let planner = backfill.planner(backfill.configuration.timeframes, derives: true)
        let expected = proposal.expected
        var count = 0
        for interval in proposal.plan.derived {
            let pair = interval.series.pair
            guard let expected = expected[pair], let held = proposal.holdings[pair] else { continue }
            for part in planner.parts(of: interval, holdings: expected) ?? []
            where held.isPart(part.series.timeframe, part.start) {
                guard let record = try known.part(part) else { continue }
                try writer.append(record)
                count += 1
                // Before the burst is full and goes out by itself: nothing does before it is on the disk.
                if count % 1_000 == 0 { try writer.commit(durably: true) }
            }
        }
        try writer.commit(durably: true)
    }

    private func buyer(_ session: BrokerSession) -> Buyer {
        Buyer(
            writer: writer, known: known, session: session, instruments: backfill.configuration.instruments,
            spending: { [unowned self] in
                backfill.spending(task, known.ledger, now: session.now, limit: limit, spent: spent)
            }, isRepair: task == .repair, clock: backfill.clock, logger: backfill.logger)
    }

    /// Points that this run spent at most.
    private var spent: Int { known.ledger.spent(behind: before.requests) }

    private func buy(_ proposal: Proposal, _ buyer: Buyer) throws {
        for (index, purchase) in proposal.plan.purchases.enumerated() {
            let failure = try attempt(purchase, buyer)
            if summary.end != nil {
                let rest = proposal.plan.purchases[index...]
                summary.postponed += rest.reduce(0) { $0 + $1.starts.count { !known.has(purchase.series, $0) } }
                return
            }
            if let failure { summary.failures.append(failure) }
            progress.finished(purchase, failure: failure, summary)
            state = "buying"
            purchasesLeft = proposal.plan.purchases.count - index - 1
            try publishStatus()
        }
        if !summary.failures.isEmpty { summary.exitCode = .unavailable }
    }

    /// Buys, and notes in the summary what it cost, or why it is the end.
    /// - Returns: why this one is not bought; `nil` where it is.
    private func attempt(_ purchase: Purchase, _ buyer: Buyer) throws -> String? {
        var failure: String?
        do {
            failure = try buyer.buy(purchase)
        } catch let end as BuyingEnd {
            note(end)
        } catch let end as Failure {
            (summary.end, summary.exitCode) = (end.description, end.code)
        }
        summary.requests = known.ledger.entries.count - before.requests
        summary.points = known.ledger.paid - before.points
        summary.candles = known.candleCount - before.candles
        summary.quota = known.ledger.estimate(now: backfill.clock.now().seconds)
        return failure
    }

    private func note(_ end: BuyingEnd) {
        switch end {
        case .spent(let isRefused):
            let extent = isRefused ? ", as the broker reports" : ", down to the reserve"
            (summary.end, summary.exitCode) = ("the week's points are spent\(extent)", .temporary)
        case .bound:
            (summary.end, summary.exitCode) = (
                "this run has reached its limit of points; requests without an answer count as spent", .temporary
            )
        case .stopped: (summary.end, summary.exitCode) = ("stopped", .temporary)
        case .unavailable(let reason): (summary.end, summary.exitCode) = (reason, .unavailable)
        }
    }

    /// Where the later stages run, what was bought is in the database in a moment.
    private func waitUntilStored(_ position: UInt64, _ derived: [Interval], isPatient: Bool) throws -> Bool {
        let clock = backfill.clock
        let deadline = clock.monotonic() + (isPatient ? BackfillRun.storingNanos : 0)
        while true {
            if try KnownHistory.isStored(backfill.paths, upTo: position, derived) { return true }
            if clock.monotonic() >= deadline || backfill.stop.wait(milliseconds: 100) { return false }
        }
    }

    private func publishStatus() throws {
        try status.publishEverySecond(monotonic: backfill.clock.monotonic()) {
            var metrics = MetricValues()
            metrics.set(.purchasesLeft, purchasesLeft)
            metrics.set(.pointsSpent, summary.points)
            metrics.set(.pointsLeft, summary.quota.remaining)
            metrics[.journalSync, Stream.history.rawValue] = Double(writer.syncNanos) / 1e9
            return StageStatus(
                .ingestBackfill, time: backfill.clock.now(), state: state,
                outputs: [.init(.history, position: writer.lastPosition)], metrics: metrics)
        }
    }
}

@available(*, unavailable)
extension BackfillRun: Sendable {}
