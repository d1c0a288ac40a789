internal import Reports
public import IG
public import MarketData
public import Planning

/// What is to be bought.
public enum BackfillTask: Hashable, Sendable {
    /// The last candles of every pair and timeframe, larger ones derived: the one-week plan.
    case run
    /// The classic way, each candle bought: the n-th batch of pairs, from 1, as many as a week's allowance buys.
    case batch(Int)
    /// All missing and partial candles since the stream began, within bounds: a timer buys them.
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
    public let spending: Spending
    /// Of repair; `nil` for all else.
    public let bounds: RepairBounds?
    /// What there is of each pair, as far as the plan concerns it.
    let holdings: [Pair: Planner.Holdings]
    /// Wanted candles that are not bought, since `candlewick refold` makes them at no points.
    public let refoldable: [Timeframe: Int]
    /// False if repair has nothing to look at, since nothing was streamed.
    let isBegun: Bool
    /// Points that may still be spent in this run.
    let maxPoints: Int

    /// Points that are left alone.
    public var reserve: Int { spending.reserve }

    /// Whether more is wanted than the task itself may spend now, whatever the week's points.
    var isBound: Bool { plan.postponed > 0 && plan.points >= spending.limit }

    /// The same, by a bound of this run or of repair; not by what a person was shown and agreed to.
    var isLimited: Bool { isBound && (bounds != nil || plan.points >= maxPoints) }

    /// Points that may be spent. If only points that are not confirmed forbid it, one: its reply shows what is left.
    static func budget(_ quota: QuotaLedger.Estimate, reserve: Int) -> Int {
        let spendable = quota.spendable(reserve: reserve)
        return spendable == 0 && quota.hoped(reserve: reserve) > 0 ? 1 : spendable
    }

    /// Why it must not be carried out now; `nil` if it may. A batch is complete or refused, all else goes as far
    /// as the points do.
    public var refusal: String? {
        let needed = plan.points + plan.postponed
        guard plan.postponed > 0 else { return nil }
        if case .batch = task {
            let hope = quota.hoped(reserve: reserve)
            let cost = "\(task.command) costs \(counted(needed, "point")), but"
            if needed > maxPoints { return "\(cost) --max-points allows \(grouped(maxPoints)): nothing is bought" }
            return needed <= hope ? nil : "\(cost) \(grouped(hope)) may be spent now: \(explanation)"
        }
        guard plan.points == 0, plan.derived.isEmpty else { return nil }
        return "nothing can be bought now, \(counted(needed, "point")) are needed: \(explanation)"
    }

    /// What a plan says that is empty.
    var nothing: String {
        guard isBegun else { return "nothing: no candle is streamed yet" }
        return task == .repair ? "nothing: no candle is missing or partial" : "nothing: all candles are stored"
    }

    private var explanation: String {
        if maxPoints <= 0 { return "this run has spent what --max-points allows" }
        if isBound, let bounds {
            return "repair has spent \(grouped(bounds.spentInWeek)) of its \(grouped(bounds.week)) a week"
        }
        let left = "\(grouped(quota.remaining)) are left of \(grouped(quota.total)), the reserve is \(grouped(reserve))"
        if let renewal = quota.renewal { return "\(left); they renew \(renewal.minuteText)" }
        return quota.isTold ? "\(left); their renewal is not known: a run an hour later asks the broker again" : left
    }

    /// What there will be once the plan is carried out.
    var expected: [Pair: Planner.Holdings] {
        var holdings = holdings
        for purchase in plan.purchases {
            holdings[purchase.series.pair]?.complete[purchase.series.timeframe, default: []].formUnion(purchase.starts)
        }
        for interval in plan.derived {
            holdings[interval.series.pair]?.complete[interval.series.timeframe, default: []].insert(interval.start)
        }
        return holdings
    }
}
