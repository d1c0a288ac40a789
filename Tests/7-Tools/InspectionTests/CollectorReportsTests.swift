import Aggregation
import Candles
import Host
import IG
@testable import Inspection
import MarketData
import Reports
import Settings
import SQLiteStore
import Store
import Streams
import Testing
import TestKit
import Wire

/// Reports about candles of two collectors, `eu` and `main`.
@Suite struct CollectorReportsTests {
    private let folder = TemporaryFolder()
    /// 2026-05-12 08:00 UTC, a Tuesday.
    private static let start: UTCSeconds = 1_778_572_800
    private static let eu = Collector("eu")!
    private let series = Series(Make.eurUSD, .fiveMinutes)

    private func paths() throws -> Paths { try Paths(runtime: folder.path, state: folder.path) }

    private var collectors: Collectors {
        var eu = Configuration()
        eu.collector = Self.eu
        return Collectors(own: Configuration(), others: [eu])
    }

    private func store(
        _ records: [CandleEnvelope], of collector: Collector, _ stream: Wire.Stream = .candles, position: UInt64 = 1
    ) throws {
        let store = try SQLiteWriter(path: try paths().database)
        _ = try store.write(
            records, collector: collector, stream: stream, position: position, now: UTCNanos(seconds: 5))
        try store.close()
    }

    private func journal<Record: StreamEnvelope>(
        _ records: [Record], of collector: Collector, _ stream: Wire.Stream
    ) throws {
        var settings = JournalSettings()
        settings.retentionDays = 0
        let writer = try JournalWriter(
            folder: try paths().of(collector).journal(stream), recordSize: Record.byteCount, settings: settings,
            logger: quietLogger())
        for record in records { writer.append(record) }
        try writer.close()
    }

    private func candle(_ place: Int64, price: String = "1.1", ticks: UInt32 = 1, flags: CandleFlags = [])
        -> CandleEnvelope
    {
        var candle = Make.candle(Self.start + place * 300, price: price, flags: flags)
        candle.tickCount = ticks
        return candle.envelope
    }

    private func event(_ event: FeedEvent, _ position: UInt64, at place: Int64) -> CandleEnvelope {
        var record = Make.feed(event, at: Double(Self.start.rawValue + place * 300))
        record.position = position
        return .feed(record)
    }

    private func time(_ place: Int64) -> UTCNanos { UTCNanos(seconds: Self.start + place * 300) }

    /// Seen from place 0 to 20 but for some.
    private func sight(without holes: Range<Int64>...) -> [CandleEnvelope] {
        let zero = UTCNanos(rawValue: 0)
        let ends = holes.enumerated().map { index, hole in
            event(
                .blindEnded(from: time(hole.lowerBound), until: time(hole.upperBound)), UInt64(10 + index),
                at: hole.upperBound)
        }
        return [event(.blindBegan(since: zero), 1, at: 0), event(.blindEnded(from: zero, until: time(0)), 2, at: 0)]
            + ends + [event(.sessionPreserved, 99, at: 20)]
    }

    @Test func `a hole of one collector is no gap while the other saw the pair`() throws {
        try store(sight(without: 4..<8) + [candle(0), candle(12)], of: .main)
        try store(sight(without: 7..<9) + [candle(0), candle(5)], of: Self.eu)
        let report = try GapsReport(
            try SQLiteReader(path: try paths().database), pairs: [], timeframe: nil, days: 1, collectors: collectors)
        #expect(report.gaps.map(\.from) == [Self.start + 7 * 300] && report.gaps.map(\.intervals) == [1])
        #expect(report.gaps.map(\.repair) == [.planned])
    }

    @Test func `an explanation says who saw the candle, and what the other has`() throws {
        try store([candle(0, ticks: 5)] + sight(), of: .main)
        try store([candle(0, ticks: 9)], of: Self.eu)
        let second = Double(Self.start.rawValue) + 1
        try journal([Make.tick(second, "1.1", "1.2")], of: Self.eu, .ticks)
        try journal([candle(0, ticks: 9)], of: Self.eu, .candles)
        let explanation = try Explanation(
            paths: try paths(), collectors: collectors, series: series, at: Self.start + 10, showsTicks: false)
        #expect(
            explanation.decision
                == "Kept: streamed of eu, rank 5, revision 1; it outranks streamed of main (rank 5, 5 ticks).")
        #expect(explanation.revisions.map(\.collector) == ["eu"])
        #expect(explanation.ticks.count == 0 && explanation.otherTicks?.map(\.count) == [1])
        let text = explanation.text(.plain)
        #expect(text.contains("ticks of main  none in archive or journal\n"), "\(text)")
        #expect(text.contains("ticks of eu  1, positions 1 to 1\n"), "\(text)")
        #expect(text.contains("collector  feed event (UTC)"), "\(text)")
    }

    @Test func `candles name their collector if there are several`() throws {
        try store([candle(0, ticks: 5), candle(1)], of: .main)
        try store([candle(0, ticks: 9)], of: Self.eu)
        let candles = try SQLiteReader(path: try paths().database).last(9, Make.eurUSD, .fiveMinutes, .all)
        func table(_ hasSeveral: Bool) -> CandleTable {
            CandleTable(candles, pair: Make.eurUSD, timeframe: .fiveMinutes, side: .mid, hasSeveral: hasSeveral)
        }
        #expect(table(true).text(.table).contains("9  streamed  eu\n"), "\(table(true).text(.table))")
        #expect(!table(false).text(.table).contains("eu"))
        #expect(
            table(false).text(.csv).contains(",streamed,eu\n")
                && table(false).text(.json).contains(#""collector":"main""#))
    }

    // MARK: Comparison

    @Test func `two collectors are compared where both have whole candles`() throws {
        let usdJPY = try #require(Pair("USD_JPY"))
        try store(
            [candle(0), candle(1), candle(2), candle(3, ticks: 7), candle(4, flags: .partial), candle(6)]
                + [Make.candle(Self.start, pair: usdJPY).envelope], of: .main)
        try store(
            [candle(0), candle(1, price: "1.1002"), candle(2, price: "1.1001"), candle(3), candle(4, price: "9")]
                + [candle(5)], of: Self.eu)
        let reader = try SQLiteReader(path: try paths().database)
        let report = try CollectorComparison(reader, pairs: [], since: Self.start, differences: 2)
        let line = try #require(report.pairs.first)
        #expect(report.pairs.count == 1 && line.pair == "EUR_USD" && (line.first, line.second) == ("eu", "main"))
        #expect(line.compared == 4 && (line.agree, line.differ, line.ticksDiffer) == (1, 2, 1))
        #expect(report.differences.map(\.start) == [Self.start + 300, Self.start + 600] && report.leftOut == 1)
        #expect(report.differences[0].values.map(\.name).contains("bid_high") && report.hasDifferences)
        let text = report.text(.plain)
        #expect(text.contains("ask low    1.1002"), "\(text)")
        #expect(text.contains("1 smaller differences are not shown"), "\(text)")
        let later = try CollectorComparison(reader, pairs: [], since: Self.start + 900, differences: 2)
        #expect(later.pairs.map(\.compared) == [1] && !later.hasDifferences)
        #expect(later.differences.map(\.firstTicks) == [1] && later.differences.map(\.secondTicks) == [7])
        let none = try CollectorComparison(reader, pairs: [usdJPY], since: Self.start, differences: 2)
        #expect(none.text(.plain).hasPrefix("no interval since 2026-05-12 08:00:00 UTC has whole candles"))
    }

    // MARK: Verification

    /// What a collector's aggregator makes of some ticks, in its journals and in the database.
    private func write(_ ticks: [TickEnvelope], of collector: Collector) throws {
        try journal(ticks, of: collector, .ticks)
        var fold = ResumedFold(options: .init(Configuration()), emitted: EmittedMark())
        var candles: [CandleEnvelope] = []
        for (index, tick) in ticks.enumerated() {
            var tick = tick
            tick.seal(position: UInt64(index + 1))
            fold.fold(tick)
            try fold.takeNew(publishTime: UTCNanos(rawValue: 1)) { candles.append($0) }
        }
        try journal(candles, of: collector, .candles)
        try store(candles, of: collector, position: UInt64(candles.count))
    }

    private func ticks(_ count: Int) -> [TickEnvelope] {
        let start = Double(Self.start.rawValue)
        return [Make.clock(start)] + (0..<count).map { Make.tick(start + Double($0), "1.10\($0)", "1.20\($0)") }
            + [Make.clock(start + 1_000)]
    }

    private func watch() throws -> VerificationWatch { VerificationWatch(stop: try StopSignal(), isShown: false) }

    private func verifications() throws -> Verifications {
        try Verifications(
            of: collectors.all, paths: try paths(), collectors: collectors, watch: try watch())
    }

    @Test func `each collector's candles are compared with its own journals, seen or not`() throws {
        try write(ticks(3), of: .main)
        try write(ticks(5), of: Self.eu)
        let sound = try verifications()
        #expect(sound.isSound, "\(sound.text(.plain))")
        #expect(sound.text(.plain).contains("eu: 7 records") && sound.text(.plain).contains("main: 5 records"))
        #expect(sound.json.hasPrefix(#"{"eu":{"#), "\(sound.json)")
        // Readers see that of eu: 5 ticks.
        var wrong = Make.candle(Self.start, revision: 2)
        (wrong.tickCount, wrong.inputPosition) = (4, 2)
        try store([wrong.envelope], of: .main, position: 99)
        let spoilt = try verifications()
        #expect(!spoilt.isSound)
        #expect(
            spoilt.text(.plain).contains(
                "main: 5 records of the ticks stream folded again, 2 candles compared: 1 wrong"),
            "\(spoilt.text(.plain))")
        #expect(
            spoilt.text(.plain).contains(
                "eu: 7 records of the ticks stream folded again, 2 candles compared: all equal"))
    }

    @Test func `a collector without ticks is said, and hinders no other`() throws {
        try write(ticks(3), of: .main)
        let some = try verifications()
        #expect(some.isSound && some.text(.plain).hasPrefix("eu: not verified: "), "\(some.text(.plain))")
        #expect(throws: Failure.self) {
            try Verifications(
                of: [Self.eu], paths: try paths(), collectors: collectors, watch: try watch())
        }
    }
}
