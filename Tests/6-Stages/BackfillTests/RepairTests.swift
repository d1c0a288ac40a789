import IG
import Backfill
import Host
import Inspection
import Logging
import MarketData
import Planning
import Reports
import Settings
import SQLiteStore
import Store
import Testing
import TestKit
import Wire

/// `gaps` lists the intervals that `repair` would buy.
@Suite struct RepairTests {
    let folder = TemporaryFolder()
    private let usdJPY = Pair("USD_JPY")!
    /// 2026-05-12 08:00 UTC, a Tuesday.
    private static let start: UTCSeconds = 1_778_572_800

    private func time(_ place: Int64) -> UTCNanos { UTCNanos(seconds: Self.start + place * 300) }

    private func event(_ event: FeedEvent, _ position: UInt64, pair: Pair = .none) -> CandleEnvelope {
        var record = Make.feed(event, pair: pair, at: Double(Self.start.rawValue))
        record.position = position
        return .feed(record)
    }

    /// EUR_USD is seen from place 0 to 13 but for a hole in place 8; USD_JPY was refused, and taken in place 6.
    private var records: [CandleEnvelope] {
        let zero = UTCNanos(rawValue: 0)
        var partial = Make.candle(time(5).seconds, flags: .partial)
        partial.blindMilliseconds = 10
        return [
            Make.candle(time(0).seconds).envelope, partial.envelope, Make.candle(time(12).seconds).envelope,
            Make.candle(time(9).seconds, pair: usdJPY).envelope,
            event(.blindBegan(since: zero), 1), event(.blindEnded(from: zero, until: time(0)), 2),
            event(.blindBegan(since: zero), 3, pair: usdJPY),
            event(.blindEnded(from: zero, until: UTCNanos(seconds: time(6).seconds + 10)), 4, pair: usdJPY),
            event(.blindEnded(from: UTCNanos(seconds: time(8).seconds + 10), until: time(9)), 5),
        ]
    }

    private func backfill(
        _ records: [CandleEnvelope], _ paths: Paths, at now: UTCNanos,
        _ change: (inout Configuration) -> Void = { _ in }
    ) throws -> Backfill {
        let store = try SQLiteWriter(path: paths.database)
        _ = try store.write(records, collector: .main, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        var configuration = Configuration()
        configuration.instruments = Instrument.defaults.filter { [Make.eurUSD, usdJPY].contains($0.pair) }
        configuration.timeframes = [.fiveMinutes]
        change(&configuration)
        return Backfill(
            paths: paths, configuration: configuration, environment: Environment([:]), stop: try StopSignal(),
            clock: Clock(now: { now }, monotonic: { 0 }),
            logger: quietLogger())
    }

    private func paths() throws -> Paths { try Paths(runtime: folder.path, state: folder.path) }

    private func starts(_ proposal: Proposal) -> [UTCSeconds] { proposal.plan.purchases.flatMap(\.starts) }

    /// Seen before: a file with one old candle made repair buy 7,001 points; one of 1970 made it want 74,284.
    @Test(arguments: [1_768_176_000, 300])
    func `one imported old candle makes repair want nothing`(old: UTCSeconds) throws {
        let old = [Make.candle(old, source: .imported), Make.candle(old, pair: usdJPY, source: .imported)]
        let backfill = try backfill(
            records + old.map(\.envelope), try paths(), at: UTCNanos(seconds: time(13).seconds + 60))
        let proposal = try backfill.propose(.repair)
        #expect(proposal.plan.points + proposal.plan.postponed == 10)
        #expect(starts(proposal).allSatisfy { $0 >= Self.start })
    }

    @Test func `holes before the last days are left alone, and gaps says so`() throws {
        let later = UTCNanos(seconds: time(8).seconds + 2 * 86_400)
        let paths = try paths()
        let backfill = try backfill(records, paths, at: later) {
            ($0.history.repairDays, $0.history.repairPoints, $0.history.repairWeekPercent) = (2, 10_000, 100)
        }
        #expect(try starts(backfill.propose(.repair)).min() == time(8).seconds)
        var configuration = Configuration()
        configuration.history.repairDays = 2
        let gaps = try GapsReport(
            try SQLiteReader(path: paths.database), pairs: [Make.eurUSD], timeframe: nil, days: 1,
            collectors: Collectors(own: configuration), now: later.seconds)
        #expect(gaps.text(.plain).contains("blind 10 ms  too old"), "\(gaps.text(.plain))")
        #expect(gaps.text(.plain).contains("not seen     planned"), "\(gaps.text(.plain))")
    }

    @Test func `a run and a week have a bound, newest first`() throws {
        let backfill = try backfill(records, try paths(), at: UTCNanos(seconds: time(13).seconds + 60)) {
            $0.history.repairPoints = 3
        }
        let proposal = try backfill.propose(.repair)
        #expect(proposal.plan.points == 3 && proposal.plan.postponed == 7)
        #expect(starts(proposal).min() == time(6).seconds)
        let report = proposal.report(Configuration.History())
        #expect(report.contains("7 points, in the next runs") && report.contains("3 points a run, 2,500 in seven days"))
    }

    @Test func `repair buys what gaps lists, and nothing that was quiet`() throws {
        let paths = try Paths(runtime: folder.path, state: folder.path)
        let store = try SQLiteWriter(path: paths.database)
        _ = try store.write(records, collector: .main, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        var configuration = Configuration()
        configuration.instruments = Instrument.defaults.filter { [Make.eurUSD, usdJPY].contains($0.pair) }
        configuration.timeframes = [.fiveMinutes]
        let now = UTCNanos(seconds: time(13).seconds + 60)
        let backfill = Backfill(
            paths: paths, configuration: configuration, environment: Environment([:]), stop: try StopSignal(),
            clock: Clock(now: { now }, monotonic: { 0 }),
            logger: quietLogger())
        let plan = try backfill.propose(.repair).plan
        func places(_ pair: Pair) -> [Int64] {
            plan.purchases.filter { $0.series.pair == pair }.flatMap(\.starts)
                .map { ($0.rawValue - Self.start.rawValue) / 300 }.sorted()
        }
        #expect(places(Make.eurUSD) == [5, 8] && places(usdJPY) == [0, 1, 2, 3, 4, 5, 6, 8])
        let gaps = try GapsReport(try SQLiteReader(path: paths.database), pairs: [], timeframe: nil, days: 1)
        let text = gaps.text(.plain)
        #expect(text.contains("\(plan.points) of 26 intervals"), "\(text)")
        // A first purchase wants all that is not there, seen or not.
        #expect(try backfill.propose(.run).plan.points > plan.points)
    }
}
