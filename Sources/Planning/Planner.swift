public import MarketData

/// The candles of one pair in one timeframe.
public struct Series: Hashable, Sendable {
    public let pair: Pair
    public let timeframe: Timeframe

    public init(_ pair: Pair, _ timeframe: Timeframe) { (self.pair, self.timeframe) = (pair, timeframe) }
}

/// Candles to be bought in one request: the open intervals that start in `first ... last`, Unix seconds.
public struct Purchase: Hashable, Sendable {
    public let series: Series
    public let first: Int64
    public let last: Int64
    /// How many intervals these are. The broker counts the candles that it returns, which may be fewer: an interval
    /// without a tick has none.
    public let points: Int
}

/// What to buy now, and what must wait for the next allowance.
public struct Plan: Hashable, Sendable {
    /// In the order in which to buy.
    public internal(set) var purchases: [Purchase] = []
    /// Points that are wanted beyond the budget.
    public internal(set) var postponed = 0

    public var points: Int { purchases.reduce(0) { $0 + $1.points } }
}

/// Decides which history to buy: a function of what is wanted, what there is, and the budget.
///
/// Recent before old, every pair alike; nothing that is there, and nothing that the aggregator derives from
/// a smaller timeframe. Source: the weekly allowance, `ig-api` § 3.7: one point is one candle.
public struct Planner: Sendable {
    /// What need not be bought, by the intervals' starts in Unix seconds: complete candles, and those for which the broker
    /// had nothing when it was asked.
    public typealias Holdings = [Series: Set<Int64>]

    public let pairs: [Pair]
    /// Ascending.
    public let timeframes: [Timeframe]
    /// Candles wanted of each.
    public let depth: Int

    public init(pairs: [Pair], timeframes: [Timeframe], depth: Int) {
        self.pairs = pairs
        self.timeframes = timeframes.sorted()
        self.depth = depth
    }

    /// - Parameters:
    ///   - now: Unix seconds. Intervals that have not ended are never bought.
    ///   - budget: the most points that the plan may cost.
    public func plan(_ holdings: Holdings, now: Int64, budget: Int) -> Plan {
        var missing: [Missing] = []
        for (index, pair) in pairs.enumerated() { missing += lacking(pair, index, holdings, now) }
        missing.sort { $0.rank < $1.rank }
        var plan = Plan()
        plan.postponed = max(0, missing.count - max(0, budget))
        plan.purchases = runs(missing.prefix(max(0, budget)))
        return plan
    }

    /// One interval to be bought.
    private struct Missing {
        let series: Series
        let start: Int64
        let pairIndex: Int

        /// The latest end first; then the pairs in their order, and the smaller timeframe.
        var rank: (Int64, Int, Int64) {
            (-(start + series.timeframe.seconds), pairIndex, series.timeframe.seconds)
        }
    }

    /// What a pair lacks that no smaller timeframe gives.
    private func lacking(_ pair: Pair, _ index: Int, _ holdings: Holdings, _ now: Int64) -> [Missing] {
        var missing: [Missing] = []
        // What will be there of the timeframes so far.
        var provided: [(timeframe: Timeframe, starts: Set<Int64>)] = []
        for timeframe in timeframes {
            let series = Series(pair, timeframe)
            let held = holdings[series] ?? []
            let wanted = TradingWeek.starts(of: timeframe, last: depth, endedBy: now)
            for start in wanted where !held.contains(start) && !isDerived(start, timeframe, provided) {
                missing.append(Missing(series: series, start: start, pairIndex: index))
            }
            provided.append((timeframe, held.union(wanted)))
        }
        return missing
    }

    /// Whether a smaller timeframe has every open part of the interval.
    private func isDerived(
        _ start: Int64, _ timeframe: Timeframe, _ provided: [(timeframe: Timeframe, starts: Set<Int64>)]
    ) -> Bool {
        provided.contains { smaller, starts in
            guard timeframe.seconds % smaller.seconds == 0 else { return false }
            return stride(from: start, to: start + timeframe.seconds, by: Int(smaller.seconds)).allSatisfy {
                starts.contains($0) || !TradingWeek.isOpen(during: $0..<($0 + smaller.seconds))
            }
        }
    }

    /// Joins neighbours: a request costs nothing but its candles. Between two of them there is only closed time.
    private func runs(_ missing: ArraySlice<Missing>) -> [Purchase] {
        var purchases: [Purchase] = []
        for (series, intervals) in Dictionary(grouping: missing, by: \.series) {
            var run: [Int64] = []
            for start in intervals.map(\.start).sorted() {
                if let last = run.last, TradingWeek.next(after: last, series.timeframe) != start {
                    purchases.append(Purchase(series, run))
                    run = []
                }
                run.append(start)
            }
            purchases.append(Purchase(series, run))
        }
        return purchases.sorted { order($0) < order($1) }
    }

    private func order(_ purchase: Purchase) -> (Int64, Int, Int64) {
        (
            -(purchase.last + purchase.series.timeframe.seconds), pairs.firstIndex(of: purchase.series.pair) ?? 0,
            purchase.series.timeframe.seconds
        )
    }
}

extension Purchase {
    fileprivate init(_ series: Series, _ starts: [Int64]) {
        self.init(series: series, first: starts[0], last: starts[starts.count - 1], points: starts.count)
    }
}
