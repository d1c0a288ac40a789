import IG
import MarketData
import Planning
import TestKit
import Testing
import Wire

@Suite struct QuotaLedgerTests {
    private let series = Series(Pair("EUR_USD")!, .fiveMinutes)

    private func entry(_ position: UInt64, points: Int, at second: UTCSeconds, _ reply: HistoryReply? = nil)
        -> QuotaLedger.Entry
    {
        let request = HistoryRequest(
            series: series, first: 0, last: 300, points: points, sent: UTCNanos(seconds: second))
        return QuotaLedger.Entry(position: position, request: request, reply: reply)
    }

    private func reply(
        _ position: UInt64, _ outcome: HistoryReply.Outcome = .answered, points: Int, left: Int?, at second: UTCSeconds,
        renewal: UTCSeconds = 600_000
    ) -> HistoryReply {
        HistoryReply(
            request: position, outcome: outcome, points: points,
            allowance: left.map { .init(remaining: $0, total: 10_000, renewal: renewal) },
            received: UTCNanos(seconds: second))
    }

    @Test func `without a word of the broker the configuration's allowance counts`() {
        let estimate = QuotaLedger(weeklyPoints: 5_000).estimate(now: 100)
        #expect(estimate.remaining == 5_000 && !estimate.isTold && estimate.renewal == nil)
    }

    @Test func `the broker's word counts, less what may have been paid since`() {
        var ledger = QuotaLedger(weeklyPoints: 5_000)
        ledger.note(entry(1, points: 200, at: 100))
        ledger.note(reply(1, points: 198, left: 9_802, at: 101))
        #expect(ledger.estimate(now: 110) == .init(remaining: 9_802, total: 10_000, renewal: 600_000, isTold: true))
        // One whose process died, one without an answer, one that was refused.
        ledger.note(entry(5, points: 30, at: 102))
        ledger.note(entry(6, points: 4, at: 103, reply(6, .unanswered, points: 0, left: nil, at: 104)))
        ledger.note(entry(8, points: 500, at: 105, reply(8, .refused, points: 0, left: nil, at: 106)))
        #expect(ledger.estimate(now: 110).remaining == 9_802 - 34 && ledger.estimate(now: 110).unconfirmed == 34)
        // One that came without a word of what is left.
        ledger.note(entry(9, points: 10, at: 107, reply(9, points: 7, left: nil, at: 108)))
        #expect(ledger.estimate(now: 110).remaining == 9_802 - 41)
        #expect(ledger.inFlight.map(\.position) == [5])
        #expect(ledger.paid == 205)
    }

    @Test func `what was paid counts by purpose, and refusals by themselves`() {
        var ledger = QuotaLedger(weeklyPoints: 5_000)
        let repair = HistoryRequest(
            series: series, first: 0, last: 300, points: 9, sent: UTCNanos(seconds: 100), isRepair: true)
        ledger.note(entry(1, points: 200, at: 100, reply(1, points: 198, left: nil, at: 101)))
        ledger.note(QuotaLedger.Entry(position: 2, request: repair, reply: reply(2, points: 7, left: nil, at: 102)))
        ledger.note(entry(3, points: 50, at: 103, reply(3, .refused, points: 0, left: nil, at: 104)))
        ledger.note(entry(4, points: 30, at: 105))
        let purchases = ledger.purchases
        #expect(purchases.byOthers == 198 && purchases.byRepair == 7 && purchases.refused == 1)
    }

    @Test func `without a possible renewal, spent points come back after a week`() {
        for renewal: UTCSeconds in [0, 10_000_000_000] {
            var ledger = QuotaLedger(weeklyPoints: 10_000)
            ledger.note(entry(1, points: 200, at: 100, reply(1, points: 200, left: 20, at: 101, renewal: renewal)))
            #expect(ledger.estimate(now: 604_900) == .init(remaining: 20, total: 10_000, renewal: nil, isTold: true))
            #expect(ledger.estimate(now: 604_901).remaining == 10_000)
        }
    }

    @Test func `in a new week, what was asked in the old one does not count`() {
        var ledger = QuotaLedger(weeklyPoints: 10_000)
        ledger.note(entry(1, points: 200, at: 100, reply(1, points: 200, left: 20, at: 101)))
        ledger.note(entry(2, points: 15, at: 102))
        ledger.note(entry(3, points: 40, at: 600_001))
        #expect(ledger.estimate(now: 600_002).remaining == 9_960 && ledger.estimate(now: 600_002).unconfirmed == 40)
    }

    @Test func `the next reply corrects what was only feared`() {
        var ledger = QuotaLedger(weeklyPoints: 10_000)
        ledger.note(entry(1, points: 200, at: 100))
        #expect(ledger.estimate(now: 110).remaining == 9_800)
        ledger.note(entry(2, points: 10, at: 120, reply(2, points: 10, left: 9_990, at: 121)))
        #expect(ledger.estimate(now: 130).remaining == 9_990)
        #expect(ledger.inFlight.map(\.position) == [1])
    }

    @Test func `once it is renewed all of it is there again`() {
        var ledger = QuotaLedger(weeklyPoints: 10_000)
        ledger.note(entry(1, points: 200, at: 100, reply(1, points: 200, left: 20, at: 101)))
        #expect(ledger.estimate(now: 599_999).remaining == 20)
        #expect(ledger.estimate(now: 600_000) == .init(remaining: 10_000, total: 10_000, renewal: nil, isTold: false))
    }

    @Test func `spent without a known renewal is looked at again after an hour`() {
        var ledger = QuotaLedger(weeklyPoints: 10_000)
        ledger.note(entry(1, points: 200, at: 100, reply(1, .refused, points: 0, left: 0, at: 101, renewal: 0)))
        #expect(ledger.estimate(now: 3_700).remaining == 0)
        #expect(ledger.estimate(now: 3_701).remaining == 10_000)
    }

    @Test func `entries keep their order, and one that comes twice counts once`() {
        var ledger = QuotaLedger(weeklyPoints: 10_000)
        for position in [7, 3, 5, 3] as [UInt64] { ledger.note(entry(position, points: 10, at: 100)) }
        ledger.note(entry(5, points: 10, at: 100, reply(5, points: 9, left: 9_000, at: 101)))
        #expect(ledger.entries.map(\.position) == [3, 5, 7])
        #expect(ledger.entries[1].reply != nil)
    }
}

@Suite struct SpendingTests {
    private let ends: [UTCSeconds] = [500, 400, 300, 200, 100]

    private func count(_ remaining: Int, reserve: Int, opensAfter moment: UTCSeconds = .max, limit: Int = .max) -> Int {
        Spending(reserve: reserve, reserveOpensAfter: moment, limit: limit).affordable(ends) { max(0, remaining - $0) }
    }

    @Test func `the reserve is left alone, but for what ended lately`() {
        #expect(count(7, reserve: 5) == 2 && count(4, reserve: 5) == 0 && count(10, reserve: 5) == 5)
        // Three ended lately.
        #expect(count(7, reserve: 5, opensAfter: 250) == 3 && count(2, reserve: 5, opensAfter: 250) == 2)
        #expect(count(9, reserve: 5, opensAfter: 250) == 4 && count(0, reserve: 5, opensAfter: 250) == 0)
    }

    @Test func `never more than the limit`() {
        #expect(count(100, reserve: 5, limit: 2) == 2 && count(100, reserve: 5, limit: -1) == 0)
        #expect(count(3, reserve: 5, opensAfter: 0, limit: 1) == 1)
    }

    @Test func `a run of repair has its bound, and its share of a week`() {
        #expect(RepairBounds(run: 500, week: 2_500, spentInWeek: 0).left(spent: 0) == 500)
        #expect(RepairBounds(run: 500, week: 2_500, spentInWeek: 300).left(spent: 300) == 200)
        #expect(RepairBounds(run: 500, week: 2_500, spentInWeek: 2_400).left(spent: 0) == 100)
        #expect(RepairBounds(run: 500, week: 2_500, spentInWeek: 2_600).left(spent: 600) == 0)
    }

    @Test func `what repair asked for counts for seven days, and without an answer in full`() {
        var ledger = QuotaLedger(weeklyPoints: 10_000)
        let series = Series(Pair("EUR_USD")!, .fiveMinutes)
        func note(_ position: UInt64, at second: UTCSeconds, isRepair: Bool, _ outcome: HistoryReply.Outcome? = nil) {
            let request = HistoryRequest(
                series: series, first: 0, last: 300, points: 10, sent: UTCNanos(seconds: second), isRepair: isRepair)
            let reply = outcome.map {
                HistoryReply(
                    request: position, outcome: $0, points: 7, allowance: nil, received: UTCNanos(seconds: second))
            }
            ledger.note(QuotaLedger.Entry(position: position, request: request, reply: reply))
        }
        note(1, at: 100, isRepair: true, .answered)
        note(2, at: 200, isRepair: true)
        note(3, at: 300, isRepair: false, .answered)
        note(4, at: 400, isRepair: true, .refused)
        note(5, at: 500, isRepair: true, .unanswered)
        #expect(ledger.spentByRepair(now: 600) == 27 && ledger.spent(behind: 2) == 17)
        #expect(ledger.spentByRepair(now: 100 + 604_800) == 20 && ledger.spentByRepair(now: 1_209_600) == 0)
        // The local clock was set back.
        #expect(ledger.spentByRepair(now: 0) == 27)
    }
}

@Suite struct RequestPacerTests {
    private let second: Int64 = 1_000_000_000

    /// The times at which requests go out that are sent as soon as they may.
    private func times(_ count: Int, spacing: Int64, burst: Int) -> [Int64] {
        var pacer = RequestPacer(spacing: spacing, burst: burst)
        var now: Int64 = 0
        return (0..<count).map { _ in
            now += pacer.delay(now: now)
            pacer.note(now)
            return now
        }
    }

    @Test func `a burst at once, then one each spacing`() {
        #expect(times(6, spacing: 2 * second, burst: 3) == [0, 0, 0, 2, 4, 6].map { $0 * second })
        #expect(times(3, spacing: 0, burst: 1) == [0, 0, 0])
    }

    @Test func `the default keeps IG's thirty a minute`() {
        let times = times(100, spacing: 2_500_000_000, burst: 5)
        for start in times { #expect(times.count { (start..<(start + 60 * second)).contains($0) } <= 30) }
    }

    @Test func `after a refusal a whole minute passes`() {
        var pacer = RequestPacer(spacing: 2 * second, burst: 3)
        pacer.rest(now: 5 * second)
        #expect(pacer.delay(now: 5 * second) == 60 * second)
    }
}

@Suite struct AccountClockTests {
    /// Tuesdays: one before the clocks of London change (2026-03-29), one after.
    private let winter: UTCSeconds = 1_774_339_200
    private let summer: UTCSeconds = 1_775_548_800

    @Test func `each week is learnt for itself, and guessed as its nearest`() {
        var clock = AccountClock(guess: 3_600)
        #expect(clock.local(summer) == summer.rawValue + 3_600 && !clock.isKnown(at: summer))
        clock.learn(3_600, at: summer)
        #expect(clock.isKnown(at: summer) && !clock.isKnown(at: winter))
        #expect(clock.local(winter) == winter.rawValue + 3_600)
        clock.learn(0, at: winter)
        #expect(clock.local(winter) == winter.rawValue && clock.local(summer) == summer.rawValue + 3_600)
        clock.forget(at: winter)
        #expect(!clock.isKnown(at: winter) && clock.isKnown(at: summer))
    }

    @Test func `only a zone's offset is learnt`() {
        #expect(AccountClock.offset(asked: summer.rawValue + 3_600, got: summer) == 3_600)
        #expect(AccountClock.offset(asked: summer.rawValue - 12_600, got: summer) == -12_600)
        #expect(AccountClock.offset(asked: summer.rawValue + 3_300, got: summer) == nil)
        #expect(AccountClock.offset(asked: summer.rawValue + 15 * 3_600, got: summer) == nil)
    }
}

@Suite struct FreshCostTests {
    private func cost(_ pairs: Int, _ minutes: [Int], depth: Int, derives: Bool = true) -> FreshCost {
        FreshCost(
            pairs: pairs, depth: depth,
            planner: Planner(timeframes: minutes.map { Timeframe(minutes: $0)! }, derives: derives),
            now: 1_778_572_800)
    }

    @Test func `the arithmetic of the documentation`() {
        #expect(cost(28, [5, 15], depth: 200).points == 9_352)
        #expect(cost(28, [5, 15], depth: 200).weeks(spending: 9_500) == 1)
        let classic = cost(28, [5, 15], depth: 200, derives: false)
        #expect(classic.points == 11_200 && classic.pairsPerWeek(spending: 9_500) == 23)
        #expect(classic.weeks(spending: 9_500) == 2 && classic.weeks(spending: 0) == nil)
    }
}
