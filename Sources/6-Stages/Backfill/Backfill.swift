public import Host
public import IG
internal import IGClient
public import Logging
internal import MarketData
internal import Planning
public import Settings
internal import Streams

/// The stage that buys history: plans from what is known, buys, publishes on the `history` stream.
///
/// - Note: Everything runs on the thread that calls.
public final class Backfill {
    let paths: Paths
    let configuration: Configuration
    let environment: Environment
    let stop: StopSignal
    let clock: Clock
    let logger: Logger
    /// Points to leave alone.
    public var reserve: Int
    /// The most points of one run.
    public var maxPoints = Int.max

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

    /// The plan of a task. Works offline and changes nothing.
    public func propose(_ task: BackfillTask) throws -> Proposal {
        try propose(task, try knownHistory(), now: try feedClock().now, limit: maxPoints)
    }

    /// Carries a task out as far as points and broker allow.
    /// - Parameters:
    ///   - limit: points that were agreed to.
    ///   - progress: receives every step.
    /// - Throws: `Failure` (75) where another process buys, or it does not fit; (78) for the login; `JournalError`.
    public func carryOut(
        _ task: BackfillTask, limit: Int = .max, progress: any BackfillProgress
    ) throws -> BackfillSummary {
        try BackfillRun(self, task, limit: min(limit, maxPoints), progress).carryOut()
    }

    /// The quota ledger.
    public func ledger() throws -> QuotaLedger { try knownHistory().ledger }

    /// The arithmetic of a fresh store, under this configuration but for what is chosen.
    public func freshReport(_ choice: FreshChoice) throws -> String {
        let now = try feedClock().now
        return freshCost(choice, derives: true, now: now).report(
            classic: freshCost(choice, derives: false, now: now), weeklyPoints: configuration.history.weeklyPoints,
            reserve: reserve)
    }

    /// - Throws: `Failure` (78) where the environment lacks what logs in.
    func checkCredentials() throws { _ = try Credentials(environment: environment) }

    /// In how many batches the classic way buys all pairs.
    public func batchCount() -> Int {
        let size = batchSize
        return size == 0 ? 0 : (pairs.count + size - 1) / size
    }

    /// The pairs of a batch, from 1.
    func batchPairs(_ number: Int) -> [Pair] {
        let size = batchSize
        return Array(pairs.dropFirst((number - 1) * size).prefix(size))
    }

    // MARK: Planning

    func knownHistory() throws -> KnownHistory {
        try KnownHistory(paths: paths, configuration: configuration)
    }

    func feedClock() throws -> FeedClock { try FeedClock(paths: paths, now: clock.now()) }

    /// - Parameters:
    ///   - now: the broker's time.
    ///   - limit: points that may be spent at most.
    ///   - spent: points of these that are.
    func propose(
        _ task: BackfillTask, _ known: KnownHistory, now: UTCSeconds, limit: Int = .max, spent: Int = 0
    ) throws -> Proposal {
        let planner = planner(configuration.timeframes, derives: task == .run || task == .repair)
        let end = try endedBy(now, known)
        var needs: [Planner.Needs] = []
        var holdings: [Pair: Planner.Holdings] = [:]
        var refoldable: [Timeframe: Int] = [:]
        var isBegun = false
        for pair in pairs(of: task) {
            let wanted = try wanted(task, pair, planner, known, now: now, end: end)
            isBegun = isBegun || !wanted.isEmpty
            guard let first = wanted.values.compactMap(\.first).min() else { continue }
            let held = try known.holdings(pair, planner.timeframes, in: first..<end)
            let made = try known.refoldable(pair, wanted, held)
            let bought = wanted.merging(made) { wanted, made in wanted.filter(Set(wanted).subtracting(made).contains) }
            needs.append(planner.needs(pair, wanted: bought, holdings: held))
            for (timeframe, starts) in made { refoldable[timeframe, default: 0] += starts.count }
            holdings[pair] = held
        }
        let quota = known.ledger.estimate(now: clock.now().seconds)
        let spending = spending(task, known.ledger, now: now, limit: limit, spent: spent)
        let plan = planner.plan(needs) { spending.affordable($0) { Proposal.budget(quota, reserve: $0) } }
        return Proposal(
            task: task, plan: plan, quota: quota, spending: spending, bounds: bounds(of: task, known.ledger),
            holdings: holdings, refoldable: refoldable.filter { $0.value > 0 }, isBegun: isBegun,
            maxPoints: maxPoints - spent)
    }

    /// The reserve is there for what is missing now, so repair may use it for the holes of the last day.
    func spending(_ task: BackfillTask, _ ledger: QuotaLedger, now: UTCSeconds, limit: Int, spent: Int) -> Spending {
        guard let bounds = bounds(of: task, ledger) else { return Spending(reserve: reserve, limit: limit - spent) }
        return Spending(
            reserve: reserve, reserveOpensAfter: now - .seconds(86_400),
            limit: min(limit - spent, bounds.left(spent: spent)))
    }

    /// - Returns: `nil` for all but repair, which a timer does unasked.
    private func bounds(of task: BackfillTask, _ ledger: QuotaLedger) -> RepairBounds? {
        guard task == .repair else { return nil }
        let (history, now) = (configuration.history, clock.now().seconds)
        let total = ledger.estimate(now: now).total
        return RepairBounds(
            run: history.repairPoints, week: total * history.repairWeekPercent / 100,
            spentInWeek: ledger.spentByRepair(now: now))
    }

    func planner(_ timeframes: [Timeframe], derives: Bool) -> Planner {
        Planner(timeframes: timeframes, calendar: configuration.calendar, derives: derives) {
            PricesRequest.resolution(of: $0) != nil
        }
    }

    private var pairs: [Pair] { configuration.instruments.map(\.pair) }

    private func pairs(of task: BackfillTask) -> [Pair] {
        if case .batch(let number) = task { return batchPairs(number) }
        return pairs
    }

    /// The intervals that shall be there, none older than the store keeps; no timeframe if repair finds nothing streamed.
    private func wanted(
        _ task: BackfillTask, _ pair: Pair, _ planner: Planner, _ known: KnownHistory, now: UTCSeconds, end: UTCSeconds
    ) throws -> Planner.Starts {
        var wanted = planner.latest(configuration.history.depth, of: pair, endedBy: end)
        if task == .repair {
            let since = try known.repairSince(
                pair, planner.timeframes, days: configuration.history.repairDays, now: now)
            wanted = try known.lacking(pair, planner.all(of: pair, since: since, endedBy: end))
        }
        let days = configuration.store.retentionDays
        let oldest = now - .seconds(days * 86_400)
        return days == 0 ? wanted : wanted.mapValues { $0.filter { $0 >= oldest } }
    }

    /// What ended by then can be bought: past the grace, and while the feed is streamed no later than what the store
    /// has, since the rest comes by itself.
    private func endedBy(_ now: UTCSeconds, _ known: KnownHistory) throws -> UTCSeconds {
        let grace = configuration.grace.roundedUpToSeconds
        guard try feedClock().isStreaming, let smallest = configuration.timeframes.first,
            let streamed = try known.streamedUntil(pairs, smallest)
        else { return now - grace }
        return min(now - grace, streamed)
    }

    /// Without derived candles the place in the hour does not matter: any moment will do.
    private var batchSize: Int {
        let history = configuration.history
        return freshCost(FreshChoice(), derives: false, now: clock.now().seconds).pairsPerWeek(
            spending: history.weeklyPoints - history.reservePoints)
    }

    private func freshCost(_ choice: FreshChoice, derives: Bool, now: UTCSeconds) -> FreshCost {
        FreshCost(
            pairs: choice.pairs ?? pairs.count, depth: choice.depth ?? configuration.history.depth,
            planner: planner(choice.timeframes ?? configuration.timeframes, derives: derives), now: now)
    }
}

@available(*, unavailable)
extension Backfill: Sendable {}
