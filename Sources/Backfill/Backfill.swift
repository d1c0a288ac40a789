internal import BrokerAPI
internal import Bus
internal import Feed
public import Host
public import Logging
public import MarketData
public import Planning
internal import RESTClient
internal import Wire

/// What is to be bought.
public enum BackfillTask: Hashable, Sendable {
    /// The last candles of every pair and timeframe, larger ones derived: the one-week plan.
    case run
    /// The classic way, each candle bought: the n-th batch of pairs, from 1, as many as a week's allowance buys.
    case batch(Int)
    /// Whatever is missing or partial anywhere in the store.
    case repair

    /// As on the command line.
    public var command: String {
        switch self {
        case .run: "run"
        case .batch(let number): "batch \(number)"
        case .repair: "repair"
        }
    }
}

/// A choice other than the configuration's, for the arithmetic; `nil` is the configuration's.
public struct FreshChoice: Hashable, Sendable {
    public var pairs: Int?
    public var timeframes: [Timeframe]?
    public var depth: Int?

    public init(pairs: Int? = nil, timeframes: [Timeframe]? = nil, depth: Int? = nil) {
        (self.pairs, self.timeframes, self.depth) = (pairs, timeframes, depth)
    }
}

/// A plan with what it needs to be judged.
public struct Proposal: Sendable {
    public let task: BackfillTask
    public let plan: Plan
    public let quota: QuotaLedger.Estimate
    /// Points that are left alone.
    public let reserve: Int
    /// The broker's time that it is made for, Unix seconds.
    public let now: Int64
    let holdings: [Pair: Planner.Holdings]

    /// Points that may be spent.
    public var budget: Int { max(0, quota.remaining - reserve) }

    /// Why it must not be carried out now; `nil` where it may. A batch is whole or not at all, all else goes as far
    /// as the points do.
    public var refusal: String? {
        let needed = plan.points + plan.postponed
        guard plan.postponed > 0 else { return nil }
        if case .batch = task {
            return
                "\(task.command) costs \(grouped(needed)) points, but only \(grouped(budget)) may be spent now: \(explanation)"
        }
        return plan.points > 0 || !plan.derived.isEmpty
            ? nil : "nothing can be bought now, \(grouped(needed)) points are needed: \(explanation)"
    }

    private var explanation: String {
        let left =
            "\(grouped(quota.remaining)) are left of \(grouped(quota.total)), \(grouped(reserve)) are the reserve"
        return quota.renewal.map { "\(left); they renew \(moment($0))" } ?? left
    }
}

/// How buying ended.
public struct BackfillSummary: Hashable, Sendable {
    public internal(set) var requests = 0
    public internal(set) var candles = 0
    public internal(set) var points = 0
    /// Purchases that failed, and why.
    public internal(set) var failures: [String] = []
    /// Points that are wanted and were not spent.
    public internal(set) var postponed = 0
    /// Why it ended before the plan; `nil` where it did not.
    public internal(set) var end: String?
    public internal(set) var exitCode = ExitCode.ok
    /// Whether all of it can be read in the database.
    public internal(set) var isStored = false
    public internal(set) var quota: QuotaLedger.Estimate
}

/// The stage that buys history: plans from what is known, buys, publishes on the `history` stream.
///
/// - Note: Everything runs on the thread that calls.
public final class Backfill {
    private let paths: Paths
    private let configuration: Configuration
    private let environment: Environment
    private let stop: StopSignal
    private let clock: Clock
    private let logger: Logger
    /// Points to leave alone.
    public var reserve: Int
    private var status = BackfillStatus()

    public init(
        paths: Paths, configuration: Configuration, environment: Environment, stop: StopSignal, clock: Clock,
        logger: Logger
    ) {
        self.paths = paths
        self.configuration = configuration
        self.environment = environment
        self.stop = stop
        self.clock = clock
        self.logger = logger
        reserve = configuration.history.reservePoints
    }

    /// What a task would do now. Calls nobody and changes nothing.
    public func propose(_ task: BackfillTask) throws -> Proposal {
        try propose(task, try knownHistory(), now: try feedClock().now)
    }

    /// The quota ledger.
    public func ledger() throws -> QuotaLedger { try knownHistory().ledger }

    /// The arithmetic of a fresh store, under this configuration but for what is chosen.
    public func freshReport(_ choice: FreshChoice) throws -> String {
        try freshCost(choice, derives: true).report(
            classic: try freshCost(choice, derives: false), configuration.history)
    }

    /// In how many batches the classic way buys all pairs.
    public func batchCount() throws -> Int {
        let size = try batchSize()
        return size == 0 ? 0 : (pairs.count + size - 1) / size
    }

    /// The pairs of a batch, from 1.
    public func batchPairs(_ number: Int) throws -> [Pair] {
        let size = try batchSize()
        return Array(pairs.dropFirst((number - 1) * size).prefix(size))
    }

    // MARK: Planning

    private var pairs: [Pair] { configuration.instruments.map(\.pair) }

    private func batchSize() throws -> Int {
        let history = configuration.history
        return try freshCost(FreshChoice(), derives: false).pairsPerWeek(
            spending: history.weeklyPoints - history.reservePoints)
    }

    private func freshCost(_ choice: FreshChoice, derives: Bool) throws -> FreshCost {
        FreshCost(
            pairs: choice.pairs ?? pairs.count, depth: choice.depth ?? configuration.history.depth,
            planner: planner(choice.timeframes ?? configuration.timeframes, derives: derives), now: try feedClock().now)
    }

    private func planner(_ timeframes: [Timeframe], derives: Bool) -> Planner {
        Planner(timeframes: timeframes, derives: derives) { PricesRequest.resolution(of: $0) != nil }
    }

    private func knownHistory() throws -> KnownHistory {
        try KnownHistory(paths: paths, weeklyPoints: configuration.history.weeklyPoints)
    }

    private func feedClock() throws -> FeedClock { try FeedClock(paths: paths, now: clock.now()) }

    private func propose(_ task: BackfillTask, _ known: KnownHistory, now: Int64) throws -> Proposal {
        let planner: Planner
        let chosen: [Pair]
        switch task {
        case .run, .repair: (planner, chosen) = (self.planner(configuration.timeframes, derives: true), pairs)
        case .batch(let number):
            (planner, chosen) = (self.planner(configuration.timeframes, derives: false), try batchPairs(number))
        }
        let end = try endedBy(now, known)
        var needs: [Planner.Needs] = []
        var holdings: [Pair: Planner.Holdings] = [:]
        for pair in chosen {
            let wanted: Planner.Starts
            if task == .repair {
                wanted = planner.all(since: try known.oldest(pair, planner.timeframes, now: now), endedBy: end)
            } else {
                wanted = planner.latest(configuration.history.depth, endedBy: end)
            }
            guard let first = wanted.values.compactMap(\.first).min() else { continue }
            let held = try known.holdings(pair, planner.timeframes, in: first..<end)
            needs.append(planner.needs(pair, wanted: wanted, holdings: held))
            holdings[pair] = held
        }
        let quota = known.ledger.estimate(now: clock.now().seconds)
        let plan = planner.plan(needs, budget: quota.remaining - reserve)
        return Proposal(task: task, plan: plan, quota: quota, reserve: reserve, now: now, holdings: holdings)
    }

    /// What ended by then can be bought: past the grace, and while the feed is streamed no later than what the store
    /// has, since the rest comes by itself.
    private func endedBy(_ now: Int64, _ known: KnownHistory) throws -> Int64 {
        let grace = (configuration.graceMilliseconds + 999) / 1_000
        guard try feedClock().isStreaming, let smallest = configuration.timeframes.first,
            let streamed = try known.streamedUntil(pairs, smallest)
        else { return now - grace }
        return min(now - grace, streamed)
    }

    // MARK: Buying

    /// Carries a task out as far as points and broker allow.
    /// - Parameter progress: told of every step.
    /// - Throws: `Failure` (75) where another process buys, or a batch does not fit; (78) for the login; `JournalError`.
    public func carryOut(_ task: BackfillTask, progress: any BackfillProgress) throws -> BackfillSummary {
        let context = try BusContext()
        let writer = try StreamWriter(
            stream: "history", recordSize: CandleRecord.byteCount, paths: paths, settings: configuration.journal,
            context: context, logger: logger)
        let publisher = try StatusPublisher(
            context: context, endpoint: try paths.statusEndpoint("ingest-backfill"), stage: "ingest-backfill")
        let publishStatus = { [self] in
            status.time = clock.now().seconds
            status.historyPosition = writer.lastPosition
            try publisher.publishEverySecond(monotonic: clock.monotonic()) { status }
        }
        progress.serves(writer.endpoint)
        let known = try knownHistory()
        var proposal = try propose(task, known, now: try feedClock().now)
        try refuse(proposal)
        var summary = BackfillSummary(quota: proposal.quota)
        guard !proposal.plan.isEmpty else {
            summary.isStored = true
            try writer.close()
            return summary
        }
        var session: BrokerSession?
        if !proposal.plan.purchases.isEmpty {
            let opened = try open(known, progress, onTurn: publishStatus)
            // Now the broker has said what time it is.
            proposal = try propose(task, known, now: opened.now)
            try refuse(proposal)
            session = opened
        }
        progress.began(proposal, pace: configuration.history)
        try tellParts(proposal, known, writer)
        if let session {
            let buyer = Buyer(
                writer: writer, known: known, session: session, instruments: configuration.instruments, clock: clock,
                logger: logger)
            try buy(proposal, buyer, known, progress, &summary, publishStatus)
        }
        summary.quota = known.ledger.estimate(now: clock.now().seconds)
        let last = writer.lastPosition
        try writer.close()
        summary.isStored = try waitUntilStored(
            session == nil ? 0 : last, session == nil ? proposal.plan.derived : [])
        return summary
    }

    private func refuse(_ proposal: Proposal) throws {
        if let refusal = proposal.refusal { throw Failure(.temporary, refusal) }
    }

    private func open(
        _ known: KnownHistory, _ progress: any BackfillProgress, onTurn: @escaping () throws -> Void
    ) throws -> BrokerSession {
        let session = BrokerSession(
            credentials: try Credentials(environment: environment), paths: paths, configuration: configuration,
            stop: stop, clock: clock, logger: logger)
        session.onWait = progress.waits
        session.onTurn = onTurn
        for entry in known.ledger.entries.suffix(100) { session.notePast(entry.request.sent) }
        do {
            try session.logIn()
        } catch BuyingEnd.stopped {
            throw Failure(.temporary, "stopped before the login")
        }
        return session
    }

    /// Tells again what the database has of larger candles that shall be derived, so that the history stream alone
    /// suffices to make them. Before the purchases: with the last of them they are complete.
    private func tellParts(_ proposal: Proposal, _ known: KnownHistory, _ writer: StreamWriter) throws {
        let planner = planner(configuration.timeframes, derives: true)
        let expected = expected(proposal)
        for interval in proposal.plan.derived {
            guard let holdings = expected[interval.series.pair] else { continue }
            for part in planner.parts(of: interval, holdings: holdings) ?? [] {
                if let record = try known.part(part) { try writer.append(record) }
            }
        }
        try writer.commit(durably: true)
    }

    /// What there will be once a plan is carried out.
    private func expected(_ proposal: Proposal) -> [Pair: Planner.Holdings] {
        var holdings = proposal.holdings
        for purchase in proposal.plan.purchases {
            holdings[purchase.series.pair]?.complete[purchase.series.timeframe, default: []].formUnion(purchase.starts)
        }
        for interval in proposal.plan.derived {
            holdings[interval.series.pair]?.complete[interval.series.timeframe, default: []].insert(interval.start)
        }
        return holdings
    }

    private func buy(
        _ proposal: Proposal, _ buyer: Buyer, _ known: KnownHistory, _ progress: any BackfillProgress,
        _ summary: inout BackfillSummary, _ publishStatus: () throws -> Void
    ) throws {
        summary.postponed = proposal.plan.postponed
        let before = (requests: known.ledger.entries.count, points: known.ledger.paid, candles: known.candleCount)
        for (index, purchase) in proposal.plan.purchases.enumerated() {
            do {
                // The broker may have said that there is less than was thought.
                let budget = known.ledger.estimate(now: clock.now().seconds).remaining - reserve
                guard let affordable = purchase.newest(budget) else { throw BuyingEnd.spent }
                if let failure = try buyer.buy(affordable) { summary.failures.append(failure) }
                summary.postponed += purchase.points - affordable.points
            } catch let end as BuyingEnd {
                let rest = proposal.plan.purchases[index...].reduce(0) { $0 + $1.points }
                summary.note(end, postponed: rest)
            }
            summary.requests = known.ledger.entries.count - before.requests
            summary.points = known.ledger.paid - before.points
            summary.candles = known.candleCount - before.candles
            let quota = known.ledger.estimate(now: clock.now().seconds)
            progress.finished(purchase, summary, quota)
            status.state = "buying"
            status.purchasesLeft = proposal.plan.purchases.count - index - 1
            (status.pointsSpent, status.pointsRemaining) = (summary.points, quota.remaining)
            try publishStatus()
            if summary.end != nil { return }
        }
        if summary.postponed > 0 { summary.exitCode = .temporary }
        if !summary.failures.isEmpty { summary.exitCode = .unavailable }
    }

    /// Where the later stages run, what was bought is in the database in a moment.
    private func waitUntilStored(_ position: UInt64, _ derived: [Interval]) throws -> Bool {
        let deadline = clock.monotonic() + 10 * UTCNanos.perSecond
        while true {
            let known = try knownHistory()
            if try known.isStored(upTo: position), try known.isStored(derived) { return true }
            if clock.monotonic() > deadline || stop.wait(milliseconds: 100) { return false }
        }
    }
}

@available(*, unavailable)
extension Backfill: Sendable {}

extension BackfillSummary {
    fileprivate mutating func note(_ end: BuyingEnd, postponed: Int) {
        self.postponed += postponed
        switch end {
        case .spent: (self.end, exitCode) = ("the week's points are spent, down to the reserve", .temporary)
        case .stopped: (self.end, exitCode) = ("stopped", .temporary)
        case .unavailable(let reason): (self.end, exitCode) = (reason, .unavailable)
        }
    }
}

/// The status object of `ingest-backfill` on the bus. Source: docs/formats.md § 4.
struct BackfillStatus: Encodable, Sendable {
    /// Seconds since 1970 UTC.
    var time: Int64 = 0
    var state = "logging in"
    var historyPosition: UInt64 = 0
    var purchasesLeft = 0
    var pointsSpent = 0
    var pointsRemaining = 0
}

/// Who watches the buying.
public protocol BackfillProgress: AnyObject {
    /// The history stream can be subscribed to.
    func serves(_ endpoint: String)
    func began(_ proposal: Proposal, pace: Configuration.History)
    /// A wait of seconds, and for what.
    func waits(_ seconds: Int, _ reason: String)
    /// A purchase is done, or failed.
    func finished(_ purchase: Purchase, _ summary: BackfillSummary, _ quota: QuotaLedger.Estimate)
}
