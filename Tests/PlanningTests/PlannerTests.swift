import MarketData
import Planning
import TestKit
import Testing

@Suite struct PlannerTests {
    private static let crosses = ["EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY"]
    /// The 28 pairs of eight currencies.
    private static let pairs = crosses.indices.flatMap { first in
        crosses[(first + 1)...].map { Pair("\(crosses[first])_\($0)")! }
    }
    /// Tuesday 2026-05-12 08:00 UTC.
    private static let tuesday: Int64 = 1_778_572_800

    private func planner(_ count: Int = 28, minutes: [Int] = [5, 15], depth: Int = 200) -> Planner {
        Planner(pairs: Array(Self.pairs[..<count]), timeframes: minutes.map { Timeframe(minutes: $0)! }, depth: depth)
    }

    /// What the store has once a plan was bought: the candles, and those that the aggregator derives of them.
    private func bought(_ plan: Plan, _ planner: Planner, _ holdings: Planner.Holdings) -> Planner.Holdings {
        var holdings = holdings
        for purchase in plan.purchases {
            var start = purchase.first
            while start <= purchase.last {
                holdings[purchase.series, default: []].insert(start)
                start = TradingWeek.next(after: start, purchase.series.timeframe)
            }
        }
        for pair in planner.pairs { derive(pair, planner.timeframes, &holdings) }
        return holdings
    }

    private func derive(_ pair: Pair, _ timeframes: [Timeframe], _ holdings: inout Planner.Holdings) {
        for larger in timeframes {
            for smaller in timeframes where smaller < larger && larger.seconds % smaller.seconds == 0 {
                let parts = holdings[Series(pair, smaller)] ?? []
                for start in Set(parts.map { $0 - $0 % larger.seconds }) {
                    let isWhole = stride(from: start, to: start + larger.seconds, by: Int(smaller.seconds)).allSatisfy {
                        parts.contains($0) || !TradingWeek.isOpen(during: $0..<($0 + smaller.seconds))
                    }
                    if isWhole { holdings[Series(pair, larger), default: []].insert(start) }
                }
            }
        }
    }

    private func isComplete(_ holdings: Planner.Holdings, _ planner: Planner, now: Int64) -> Bool {
        planner.pairs.allSatisfy { pair in
            planner.timeframes.allSatisfy { timeframe in
                let wanted = TradingWeek.starts(of: timeframe, last: planner.depth, endedBy: now)
                return (holdings[Series(pair, timeframe)] ?? []).isSuperset(of: wanted)
            }
        }
    }

    @Test(arguments: 0..<15)
    func `twenty-eight pairs in 5m and 15m cost 9352 points, at any minute`(minute: Int64) {
        let now = Self.tuesday + minute * 60 + 3
        let plan = planner().plan([:], now: now, budget: 9_500)
        #expect(plan.points == 9_352 && plan.postponed == 0)
        #expect(plan.purchases.count == 56)
        #expect(isComplete(bought(plan, planner(), [:]), planner(), now: now))
    }

    @Test func `what does not fit is postponed, the old before the recent, every pair alike`() throws {
        let plan = planner().plan([:], now: Self.tuesday, budget: 2_800)
        #expect(plan.points == 2_800 && plan.postponed == 6_552)
        let oldest = Dictionary(grouping: plan.purchases, by: \.series.pair).mapValues { $0.map(\.first).min()! }
        #expect(Set(oldest.values).count == 1)
    }

    @Test func `a quiet interval for which nothing was there is not asked for again, nor what surrounds it`() {
        let pair = Self.pairs[0]
        let five = Series(pair, .fiveMinutes)
        var held = Set(TradingWeek.starts(of: .fiveMinutes, last: 200, endedBy: Self.tuesday))
        let gap = held.remove(Self.tuesday - 3_000)!
        let planner = planner(1, minutes: [5])
        let plan = planner.plan([five: held], now: Self.tuesday, budget: 100)
        #expect(plan.purchases.map { [$0.first, $0.last] } == [[gap, gap]] && plan.points == 1)
        held.insert(gap)
        #expect(planner.plan([five: held], now: Self.tuesday, budget: 100).purchases.isEmpty)
    }

    /// Sunday, two hours after the opening: most of what is wanted lies before the weekend.
    @Test func `a weekend costs nothing and needs no second request`() {
        let now = Self.tuesday - 2 * 86_400 + 15 * 3_600
        #expect(TradingWeek.isOpen(at: now) && !TradingWeek.isOpen(at: now - 3 * 3_600))
        let plan = planner(1, minutes: [5]).plan([:], now: now, budget: 1_000)
        #expect(plan.purchases.map(\.points) == [200])
    }

    @Test(arguments: 0..<300)
    func `never over budget, never what is there, and complete where the budget suffices`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let minutes = [[5], [5, 15], [1, 5, 15], [15, 60], [60, 240, 1_440], [2, 3, 6]].randomElement(using: &random)!
        let planner = planner(
            Int.random(in: 1...4, using: &random), minutes: minutes, depth: .random(in: 1...80, using: &random))
        let now = Self.tuesday + Int64.random(in: 0...2_000_000, using: &random)
        var holdings = Planner.Holdings()
        let density = Int.random(in: 0...10, using: &random)
        for pair in planner.pairs {
            for timeframe in planner.timeframes {
                let starts = TradingWeek.starts(of: timeframe, last: 100, endedBy: now)
                holdings[Series(pair, timeframe)] = Set(
                    starts.filter { _ in Int.random(in: 0..<10, using: &random) < density })
            }
        }
        let budget = Int.random(in: 0...600, using: &random)
        let plan = planner.plan(holdings, now: now, budget: budget)
        #expect(plan.points <= budget)
        for purchase in plan.purchases {
            var start = purchase.first
            var count = 0
            while start <= purchase.last {
                #expect(holdings[purchase.series]?.contains(start) != true, "is there")
                #expect(start + purchase.series.timeframe.seconds <= now, "has not ended")
                count += 1
                start = TradingWeek.next(after: start, purchase.series.timeframe)
            }
            #expect(count == purchase.points)
        }
        let after = bought(plan, planner, holdings)
        if plan.postponed == 0 {
            #expect(isComplete(after, planner, now: now))
        } else {
            #expect(plan.points == budget, "the budget is not used up")
        }
        // Bit by bit it comes to the same.
        let rest = planner.plan(after, now: now, budget: .max)
        #expect(rest.points <= plan.postponed)
        #expect(isComplete(bought(rest, planner, after), planner, now: now))
    }
}
