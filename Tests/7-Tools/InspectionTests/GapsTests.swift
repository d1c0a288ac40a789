import Host
@testable import Inspection
import MarketData
import Reports
import Settings
import SQLiteStore
import Store
import Testing
import TestKit
import Wire

/// The report about intervals, from a database that holds some of them.
@Suite struct GapsTests {
    let folder = TemporaryFolder()
    /// 2026-05-12 08:00 UTC, a Tuesday.
    static let start: UTCSeconds = 1_778_572_800

    /// Candles of 5m by their place, and the other events.
    private func reader(_ candles: [Int64: CandleRecord], _ others: [CandleEnvelope] = []) throws -> any CandleQueries {
        let path = folder.path + "/candlewick.db"
        let store = try SQLiteWriter(path: path)
        let records = candles.sorted { $0.key < $1.key }.map(\.value.envelope) + others
        _ = try store.write(records, collector: .main, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        return try SQLiteReader(path: path)
    }

    private func event(_ event: FeedEvent, _ position: UInt64) -> CandleEnvelope {
        var record = Make.feed(event, at: Double(Self.start.rawValue))
        record.position = position
        return .feed(record)
    }

    private func whole(_ place: Int64, source: CandleSource = .streamed, flags: CandleFlags = []) -> CandleRecord {
        Make.candle(Self.start + place * 300, source: source, flags: flags)
    }

    private func time(_ place: Int64) -> UTCNanos { UTCNanos(seconds: Self.start + place * 300) }

    /// Seen from place 0 to place 20, but for a hole in place 8.
    private func sight() -> [CandleEnvelope] {
        let zero = UTCNanos(rawValue: 0)
        return [
            event(.blindBegan(since: zero), 1), event(.blindEnded(from: zero, until: time(0)), 2),
            event(.blindEnded(from: UTCNanos(seconds: Self.start + 8 * 300 + 10), until: time(9)), 3),
        ]
    }

    @Test func `neighbours of one state are one line; a seen interval without a tick is not listed`() throws {
        var partial = whole(5, flags: .partial)
        (partial.blindMilliseconds, partial.lostUpdates) = (1_500, 2)
        let candles: [Int64: CandleRecord] = [
            0: whole(0), 1: whole(1, source: .bought), 2: whole(2, source: .imported), 5: partial, 12: whole(12),
        ]
        let report = try GapsReport(try reader(candles, sight()), pairs: [], timeframe: nil, days: 1)
        #expect(report.gaps.map(\.state) == [.partial, .missing])
        #expect(report.gaps.map(\.from) == [Self.start + 5 * 300, Self.start + 8 * 300])
        #expect(report.gaps.map(\.intervals) == [1, 1])
        #expect(report.gaps[0].blindMilliseconds == 1_500 && report.gaps[0].lostUpdates == 2)
        #expect(report.intervals == 13)
        #expect(report.text(.plain).contains("blind 1500 ms, 2 updates lost"))
    }

    @Test func `holes are counted by pair, open ones with the begin of the oldest`() throws {
        let candles: [Int64: CandleRecord] = [0: whole(0), 5: whole(5, flags: .partial), 12: whole(12)]
        let counts = try HoleCounts(try reader(candles, sight()), Collectors(own: Configuration()))
        #expect(counts[Make.eurUSD].open == 2 && counts.lastDay?[Make.eurUSD]?.holes == 2)
        #expect(counts[Make.eurUSD].oldest == Self.start + 5 * 300)
        #expect(counts[Pair("USD_JPY")!] == HoleCounts.OfPair())
    }

    @Test func `in a hole every interval without a candle is missing, weekends apart`() throws {
        // Friday 20:50 to Sunday 21:10 UTC; the market is closed from 21:00 to 21:00.
        let friday: UTCSeconds = 1_778_878_200
        let sunday = friday + 2 * 86_400 + 1_200
        let candles: [Int64: CandleRecord] = [0: Make.candle(friday), 1: Make.candle(sunday)]
        let hole = FeedEvent.blindEnded(from: UTCNanos(seconds: friday + 300), until: UTCNanos(seconds: sunday))
        let report = try GapsReport(try reader(candles, [event(hole, 1)]), pairs: [], timeframe: nil, days: 30)
        #expect(report.gaps.map(\.state) == [.missing] && report.gaps.map(\.intervals) == [3])
        #expect(report.intervals == 5)
    }

    @Test func `what came after the feed was last seen shows nothing of the time between`() throws {
        let seen: [Int64: CandleRecord] = [0: whole(0), 1: whole(1)]
        let reader = try reader(seen, [event(.blindEnded(from: UTCNanos(rawValue: 0), until: time(0)), 1)])
        let store = try SQLiteWriter(path: folder.path + "/candlewick.db")
        _ = try store.write(
            [whole(20, source: .bought).envelope], collector: .main, stream: .candles, position: 2,
            now: UTCNanos(seconds: 6))
        let report = try GapsReport(reader, pairs: [], timeframe: nil, days: 1)
        #expect(report.gaps.map(\.intervals) == [18] && report.gaps.map(\.state) == [.missing])
    }

    @Test func `quiet stays quiet where the word of the first sight was deleted by age`() throws {
        let reader = try reader([0: whole(0), 1: whole(1), 4: whole(4)], sight())
        let store = try SQLiteWriter(path: folder.path + "/candlewick.db")
        try store.forget(before: time(1)) {}
        #expect(try reader.forgottenBefore() == Self.start + 300)
        let report = try GapsReport(reader, pairs: [], timeframe: nil, days: 1)
        #expect(report.isEmpty, "\(report.gaps)")
    }

    private func event(_ event: FeedEvent, _ pair: Pair, _ position: UInt64) -> CandleEnvelope {
        var record = Make.feed(event, pair: pair, at: Double(Self.start.rawValue))
        record.position = position
        return .feed(record)
    }

    @Test func `a blind pair lacks its intervals, with a candle or without, and no other pair does`() throws {
        let usdJPY = try #require(Pair("USD_JPY"))
        let blind = [
            event(.subscriptionEnded, usdJPY, 4), event(.blindBegan(since: time(3)), usdJPY, 5),
            event(.blindEnded(from: time(3), until: UTCNanos(rawValue: time(6).rawValue + 1)), usdJPY, 6),
        ]
        let others = [0, 5, 12].map { Make.candle(Self.start + $0 * 300, pair: usdJPY).envelope }
        let report = try GapsReport(
            try reader([0: whole(0), 12: whole(12)], sight() + blind + others), pairs: [], timeframe: nil, days: 1)
        let lines = report.gaps.map { "\($0.pair) \(($0.from - Self.start).components.seconds / 300) \($0.intervals)" }
        // The one of place 5 is complete and stays so; the hole of place 8 is everybody's.
        #expect(lines == ["EUR_USD 8 1", "USD_JPY 3 2", "USD_JPY 6 1", "USD_JPY 8 1"])
        #expect(report.gaps.allSatisfy { $0.state == .missing })
    }

    @Test func `a pair that was refused from the start is missing, though it never had a candle`() throws {
        let usdJPY = try #require(Pair("USD_JPY"))
        let refused = [
            event(.instrumentRefused(code: 17), usdJPY, 4), event(.blindBegan(since: UTCNanos(rawValue: 0)), usdJPY, 5),
        ]
        let reader = try reader([0: whole(0), 12: whole(12)], sight() + refused)
        let report = try GapsReport(reader, pairs: [], timeframe: nil, days: 1)
        let line = try #require(report.gaps.last)
        #expect(line.pair == "USD_JPY" && line.from == Self.start && line.intervals == 13 && line.state == .missing)
        let own = try GapsReport(reader, pairs: [usdJPY], timeframe: .fiveMinutes, days: 1)
        #expect(own.gaps.map(\.intervals) == [13])
        let coverage = try Coverage(reader, pairs: [usdJPY], timeframe: .fiveMinutes, days: 1)
        #expect(coverage.rows.map(\.pair) == ["USD_JPY"] && coverage.rows[0].cells[0].quiet == 0)
        #expect(coverage.rows[0].cells[0].missing == coverage.rows[0].cells[0].expected)
    }

    @Test func `a candle of a wrong time that was taken back does not end the range`() throws {
        let wrong = UTCNanos(seconds: 4_080_000_000)
        var ahead = Make.candle(wrong.seconds)
        ahead.inputPosition = 50
        let reset = event(.clockSetBack(from: wrong, to: time(13)), .none, 60)
        let report = try GapsReport(
            try reader([0: whole(0), 12: whole(12)], sight() + [ahead.envelope, reset]), pairs: [], timeframe: nil,
            days: 1)
        #expect(report.until == Self.start + 13 * 300 && report.gaps.map(\.intervals) == [1])
    }

    @Test func `status names the blind pairs and why, for people and programs`() throws {
        let reader = try reader(
            [0: whole(0)],
            sight() + [
                event(.blindBegan(since: time(3)), Make.eurUSD, 5),
                event(.updatesLimited(milliHertz: 100), Make.eurUSD, 6),
            ])
        let report = ContinuityReport(try reader.continuity(of: .main), nil)
        #expect(report.text(.plain).contains("EUR_USD"))
        #expect(report.text(.plain).contains("blind since 2026-05-12 08:15:00: updates limited to 100 in 1000 s"))
        let blind = #"{"detail":100,"pair":"EUR_USD","reason":"updates limited","since":\#(time(3).rawValue)}"#
        let line = #""blindPairs":[\#(blind)]"#
        #expect(report.json.contains(line), "\(report.json)")
    }

    @Test func `coverage counts the intervals of each day by state, from the pair's first on, as gaps does`() throws {
        let candles: [Int64: CandleRecord] = [
            0: whole(0), 1: whole(1, source: .bought), 5: whole(5, flags: .partial), 12: whole(12),
        ]
        let reader = try reader(candles, sight())
        let coverage = try Coverage(reader, pairs: [], timeframe: .fiveMinutes, days: 3)
        #expect(coverage.days == ["2026-05-10", "2026-05-11", "2026-05-12"])
        let cells = try #require(coverage.rows.first?.cells)
        // Sunday opens at 21:00 UTC.
        #expect(cells[0].before == 36 && cells[0].expected == 0 && cells[0].missing == 0)
        #expect(cells[1].before == 288 && cells[1].expected == 0 && cells[1].missing == 0)
        let today = cells[2]
        #expect(today.streamed == 2 && today.bought == 1 && today.partial == 1)
        #expect(today.missing == 1 && today.quiet == 13 - 4 - 1)
        #expect(today.expected == 13 && today.before == 96)
        let gaps = try GapsReport(reader, pairs: [], timeframe: nil, days: 3)
        #expect(gaps.intervals == 13 && gaps.gaps.map(\.intervals).reduce(0, +) == today.missing + today.partial)
    }

    @Test func `indicators count what is unbroken up to the newest candle`() throws {
        var candles: [Int64: CandleRecord] = [:]
        for place in Int64(0)..<40 where place != 30 { candles[place] = whole(place) }
        let reader = try reader(candles, [event(.blindEnded(from: UTCNanos(rawValue: 0), until: time(0)), 1)])
        let report = try IndicatorsReport(reader, pairs: [], timeframe: nil)
        let line = try #require(report.lines.first)
        #expect(line.candles == 39 && line.unbroken == 39)
        #expect(line.ready.contains("MACD-12-26-9") && line.lacking["MA-50"] == 11 && line.lacking["MA-200"] == 161)

        let store = try SQLiteWriter(path: folder.path + "/candlewick.db")
        _ = try store.write(
            [Make.candle(Self.start + 30 * 300, flags: .partial).envelope], collector: .main, stream: .candles,
            position: 2,
            now: UTCNanos(seconds: 6))
        let broken = try IndicatorsReport(reader, pairs: [Make.eurUSD], timeframe: .fiveMinutes)
        #expect(broken.lines.first?.unbroken == 9)
    }

    @Test func `what lies outside a pair's hours is no gap, and is not expected`() throws {
        let candles: [Int64: CandleRecord] = [0: whole(0), 12: whole(12)]
        let reader = try reader(candles, sight())
        var configuration = Configuration()
        func report(_ sessions: String...) throws -> GapsReport {
            let hours = TradingHours(
                zone: ZoneRule("UTC")!, named: "UTC", sessions: sessions.map { WeeklySession($0)! })
            configuration.instruments = [Instrument(pair: Make.eurUSD, epic: "IX.D.DAX.IFMM.IP", hours: hours)]
            return try GapsReport(
                reader, pairs: [], timeframe: nil, days: 1, collectors: Collectors(own: configuration))
        }
        // The hole is in place 8, from 08:40 to 08:45.
        #expect(try report("Tue 08:00-08:30").isEmpty)
        #expect(try report("Tue 08:00-08:30").intervals == 6)
        #expect(try report("Tue 08:00-08:30", "Tue 08:44-08:46").gaps.map(\.from) == [Self.start + 8 * 300])
        #expect(try report("Tue 08:00-08:30", "Tue 08:44-08:46").intervals == 8)
        let indicators = try IndicatorsReport(
            reader, pairs: [], timeframe: nil, calendar: configuration.calendar)
        #expect(indicators.lines.first?.unbroken == 0)
    }

    @Test func `candles are as fresh as the sessions of their pair allow`() {
        let hours = TradingHours(
            zone: ZoneRule("UTC")!, named: "UTC", sessions: [WeeklySession("Mon-Fri 08:00-16:30")!])
        func freshness(_ newest: UTCSeconds, _ timeframe: Timeframe, _ now: UTCSeconds) -> String {
            Freshness(newest: newest, timeframe, now: now, hours: hours).name
        }
        let day = Timeframe(minutes: 1_440)!
        let close = Self.start + 30_600
        #expect(freshness(close - 300, .fiveMinutes, close + 3_600) == "closed")
        #expect(freshness(close - 3_000, .fiveMinutes, close + 3_600) == "stale")
        #expect(freshness(close - 300, .fiveMinutes, Self.start + 86_400 + 310) == "fresh")
        #expect(freshness(close - 300, .fiveMinutes, Self.start + 86_400 + 311) == "stale")
        // Monday's day candle: that of Tuesday is due on Wednesday.
        let monday = Self.start - 8 * 3_600 - 86_400
        #expect(freshness(monday, day, monday + 2 * 86_400 + 10) != "stale")
        #expect(freshness(monday, day, monday + 2 * 86_400 + 11) == "stale")
        // Friday's: nothing is due before Tuesday.
        #expect(freshness(monday + 4 * 86_400, day, monday + 8 * 86_400 + 10) != "stale")
        #expect(freshness(monday + 4 * 86_400, day, monday + 8 * 86_400 + 11) == "stale")
    }

    @Test func `nothing stored is said in a sentence`() throws {
        let failure = #expect(throws: Failure.self) {
            try GapsReport(try reader([:]), pairs: [Make.eurUSD], timeframe: .fiveMinutes, days: 7)
        }
        #expect(failure?.code == .unavailable)
        #expect(failure?.description.contains("no 5m candle of EUR_USD") == true)
    }

    @Test(arguments: [
        // Tuesday: the interval before the last, and older.
        (Int64(0), Int64(300), "fresh"), (0, 610, "fresh"), (0, 611, "stale"),
    ])
    func `a candle is stale once the next one is overdue`(newest: Int64, now: Int64, name: String) {
        #expect(Freshness(newest: Self.start + newest, .fiveMinutes, now: Self.start + now).name == name)
    }

    @Test func `while the market is closed nothing is stale, and after its opening not at once`() {
        // The last interval of the week begins on Friday at 20:55 UTC.
        let last: UTCSeconds = 1_778_878_500
        let opening = last + 300 + 2 * 86_400
        #expect(Freshness(newest: last, .fiveMinutes, now: last + 86_400) == .closed)
        #expect(Freshness(newest: last, .fiveMinutes, now: opening + 300) == .fresh)
        #expect(Freshness(newest: last, .fiveMinutes, now: opening + 400).isStale)
        #expect(Freshness(newest: last - 3_000, .fiveMinutes, now: last + 86_400).isStale)
    }
}
