import MarketData
import Planning
import Testing
import TestKit

/// Pairs, what is wanted of them, and what there is.
private struct Shop {
    private static let crosses = ["EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY"]
    /// The 28 pairs of eight currencies.
    static let pairs = crosses.indices.flatMap { first in
        crosses[(first + 1)...].map { Pair("\(crosses[first])_\($0)")! }
    }

    let pairs: [Pair]
    let planner: Planner
    let wanted: Planner.Starts
    var holdings: [Pair: Planner.Holdings] = [:]

    init(_ count: Int = 28, minutes: [Int] = [5, 15], depth: Int = 200, now: UTCSeconds, derives: Bool = true) {
        pairs = Array(Shop.pairs[..<count])
        planner = Planner(timeframes: minutes.map { Timeframe(minutes: $0)! }, derives: derives)
        wanted = planner.latest(depth, of: Shop.pairs[0], endedBy: now)
    }

    func plan(budget: Int) -> Plan {
        planner.plan(
            pairs.map { planner.needs($0, wanted: wanted, holdings: holdings[$0] ?? Planner.Holdings()) },
            budget: budget)
    }

    /// A plan is carried out: the candles are there, and those that the aggregator derives of all that is there.
    mutating func carryOut(_ plan: Plan) {
        for purchase in plan.purchases {
            holdings[purchase.series.pair, default: .init()].complete[purchase.series.timeframe, default: []]
                .formUnion(purchase.starts)
        }
        for pair in pairs { derive(pair) }
    }

    private mutating func derive(_ pair: Pair) {
        for larger in planner.timeframes {
            for smaller in planner.timeframes where smaller < larger && larger.seconds % smaller.seconds == 0 {
                let held = holdings[pair] ?? .init()
                let parts = (held.complete[smaller] ?? []).union(held.empty[smaller] ?? [])
                for start in Set(parts.map(larger.start)) {
                    let isWhole = smaller.starts(in: start..<(start + larger)).allSatisfy {
                        parts.contains($0) || !TradingHours.fx.isOpen(during: $0..<($0 + smaller))
                    }
                    if isWhole { holdings[pair, default: .init()].complete[larger, default: []].insert(start) }
                }
            }
        }
    }

    /// The wanted candles that are missing.
    var missing: Set<Interval> {
        var missing: Set<Interval> = []
        for pair in pairs {
            let held = holdings[pair] ?? .init()
            for (timeframe, starts) in wanted {
                for start in starts where !held.has(timeframe, start) {
                    missing.insert(Interval(Series(pair, timeframe), start: start))
                }
            }
        }
        return missing
    }
}

@Suite struct PlannerTests {
    /// Tuesday 2026-05-12 08:00 UTC.
    private static let tuesday: UTCSeconds = 1_778_572_800

    @Test(arguments: 0..<15)
    func `twenty-eight pairs in 5m and 15m cost 9352 points, at any minute`(minute: Int64) {
        var shop = Shop(now: Self.tuesday + minute * 60 + 3)
        let plan = shop.plan(budget: 9_500)
        #expect(plan.points == 9_352 && plan.postponed == 0)
        #expect(plan.purchases.count == 56 && plan.derived.count == 28 * 66)
        shop.carryOut(plan)
        #expect(shop.missing.isEmpty)
    }

    @Test func `in the classic way each candle is bought`() {
        let plan = Shop(23, now: Self.tuesday, derives: false).plan(budget: 9_500)
        #expect(plan.points == 9_200 && plan.derived.isEmpty)
    }

    @Test func `what does not fit is postponed, the old before the recent, every pair alike`() throws {
        let plan = Shop(now: Self.tuesday).plan(budget: 2_800)
        #expect(plan.points == 2_800 && plan.postponed == 6_552)
        let oldest = Dictionary(grouping: plan.purchases, by: \.series.pair).mapValues { $0.map(\.first).min()! }
        #expect(Set(oldest.values).count == 1)
    }

    @Test func `an interval of which the broker has nothing is not asked for again, nor what surrounds it`() {
        var shop = Shop(1, minutes: [5], now: Self.tuesday)
        var held = Set(shop.wanted[.fiveMinutes]!)
        let gap = held.remove(Self.tuesday - 3_000)!
        shop.holdings[shop.pairs[0], default: .init()].complete[.fiveMinutes] = held
        let plan = shop.plan(budget: 100)
        #expect(plan.purchases.map { [$0.first, $0.last] } == [[gap, gap]] && plan.points == 1)
        shop.holdings[shop.pairs[0]]?.empty[.fiveMinutes] = [gap]
        #expect(shop.plan(budget: 100).isEmpty)
    }

    /// Sunday, two hours after the opening: most of what is wanted lies before the weekend.
    @Test func `a weekend costs nothing and needs no second request`() {
        let now = Self.tuesday - 2 * 86_400 + 15 * 3_600
        #expect(TradingHours.fx.isOpen(at: now) && !TradingHours.fx.isOpen(at: now - 3 * 3_600))
        #expect(Shop(1, minutes: [5], now: now).plan(budget: 1_000).purchases.map(\.points) == [200])
    }

    /// A hole of twenty minutes across a boundary: five candles of 5m, two of 15m.
    @Test func `a hole costs its smallest candles, the larger ones are made of them and of their neighbours`() {
        var shop = Shop(1, now: Self.tuesday)
        for timeframe in shop.planner.timeframes {
            let hole = (Self.tuesday - 3_180)..<(Self.tuesday - 1_980)
            shop.holdings[shop.pairs[0], default: .init()].complete[timeframe] = Set(
                shop.wanted[timeframe]!.filter { !hole.overlaps($0..<($0 + timeframe)) })
        }
        let plan = shop.plan(budget: 100)
        #expect(plan.points == 5 && plan.purchases.count == 1)
        #expect(plan.derived.map(\.series.timeframe) == [.fifteenMinutes, .fifteenMinutes])
        shop.carryOut(plan)
        #expect(shop.missing.isEmpty)
    }

    @Test func `a timeframe that is not sold is derived or left out`() {
        let sold: Set<Int> = [5, 60]
        let planner = Planner(timeframes: [5, 60, 240].map { Timeframe(minutes: $0)! }) { sold.contains($0.minutes) }
        let needs = planner.needs(
            Shop.pairs[0], wanted: planner.latest(100, of: Shop.pairs[0], endedBy: Self.tuesday),
            holdings: Planner.Holdings())
        let plan = planner.plan([needs], budget: 1_000)
        #expect(Set(plan.purchases.map(\.series.timeframe.minutes)) == sold)
        #expect(plan.derived.contains { $0.series.timeframe.minutes == 240 })
        #expect(plan.unobtainable > 0 && plan.postponed == 0)
    }

    /// An index that is traded from 08:00 to 16:30 in London, for nine days beside a pair.
    @Test func `of each instrument what its hours leave is bought, in one request across a night`() throws {
        let index = Instrument(
            pair: Pair("UK100")!, epic: "IX.D.FTSE.CFD.IP",
            hours: TradingHours(
                zone: ZoneRule("Europe/London")!, named: "Europe/London",
                sessions: [WeeklySession("Mon-Fri 08:00-16:30")!]))
        let planner = Planner(timeframes: [.fiveMinutes, .fifteenMinutes], calendar: TradingCalendar([index]))
        // 09:00 in London: twelve intervals of today, 102 of Monday, 86 of Friday.
        let wanted = planner.latest(200, of: index.pair, endedBy: Self.tuesday)
        #expect(wanted[.fiveMinutes]?.count == 200)
        #expect(wanted[.fiveMinutes]?.first == Self.tuesday - 4 * 86_400 + 7 * 3_600 + 30 * 60 - 86 * 300)
        let needs = planner.needs(index.pair, wanted: wanted, holdings: Planner.Holdings())
        let plan = planner.plan([needs], budget: 1_000)
        let five = try #require(plan.purchases.first { $0.series.timeframe == .fiveMinutes })
        #expect(five.points == 200 && five.starts == wanted[.fiveMinutes])
        #expect(plan.purchases.count { $0.series.timeframe == .fiveMinutes } == 1)
        let all = planner.all(of: index.pair, since: [.fiveMinutes: five.first], endedBy: Self.tuesday)
        #expect(all[.fiveMinutes] == wanted[.fiveMinutes])
        // A currency pair beside it goes on through the night.
        #expect(planner.latest(200, of: Shop.pairs[0], endedBy: Self.tuesday) == Shop(1, now: Self.tuesday).wanted)
    }

    private func intervals(_ plan: Plan) -> Set<Interval> {
        Set(plan.purchases.flatMap { purchase in purchase.starts.map { Interval(purchase.series, start: $0) } })
    }

    @Test(arguments: 0..<300)
    func `never over budget, never what is there, and complete where the budget suffices`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let minutes = [[5], [5, 15], [1, 5, 15], [15, 60], [60, 240, 1_440], [2, 3, 6]].randomElement(using: &random)!
        let now = Self.tuesday + Int64.random(in: 0...2_000_000, using: &random)
        var shop = Shop(
            Int.random(in: 1...4, using: &random), minutes: minutes, depth: .random(in: 1...80, using: &random),
            now: now)
        let density = Int.random(in: 0...10, using: &random)
        for pair in shop.pairs {
            for timeframe in shop.planner.timeframes {
                for start in TradingHours.fx.starts(of: timeframe, last: 100, endedBy: now) {
                    guard Int.random(in: 0..<10, using: &random) < density else { continue }
                    if Int.random(in: 0..<10, using: &random) == 0 {
                        shop.holdings[pair, default: .init()].empty[timeframe, default: []].insert(start)
                    } else {
                        shop.holdings[pair, default: .init()].complete[timeframe, default: []].insert(start)
                    }
                }
            }
        }
        let budget = Int.random(in: 0...600, using: &random)
        let missing = shop.missing
        let plan = shop.plan(budget: budget)
        #expect(plan.points <= budget)
        #expect(plan.purchases.allSatisfy { $0.starts.count == $0.points })
        let bought = intervals(plan)
        let all = intervals(shop.plan(budget: .max))
        #expect(bought.count == plan.points, "twice in the plan")
        #expect(bought.isSubset(of: missing), "is there, is not wanted, or has not ended")
        #expect(bought.isDisjoint(with: plan.derived))
        shop.carryOut(plan)
        #expect(shop.missing.isDisjoint(with: plan.derived), "derived, but not of what is there")
        if plan.postponed == 0 {
            #expect(shop.missing.isEmpty)
        } else {
            #expect(plan.points == budget, "the budget is not used up")
            let oldest = bought.map(\.end).min() ?? .max
            #expect(all.subtracting(bought).allSatisfy { $0.end <= oldest }, "an old one before a recent one")
        }
        // Bit by bit it comes to the same.
        let rest = shop.plan(budget: .max)
        #expect(rest.points <= plan.postponed)
        shop.carryOut(rest)
        #expect(shop.missing.isEmpty)
    }
}
