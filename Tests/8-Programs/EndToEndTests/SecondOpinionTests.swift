import Foundation
import GRDB
import MarketData
import Streams
import Testing
import TestKit
import Wire

/// The broker's own candles beside ours, with real processes and a simulator whose ticks are known.
@Suite(.serialized, .timeLimit(.minutes(20)))
struct SecondOpinionTests {
    /// Hours of market time with right candles; a week is 168.
    private static let hours = ProcessInfo.processInfo.environment["OPINION_HOURS"].flatMap(Int.init) ?? 4
    private static let speed = ProcessInfo.processInfo.environment["OPINION_SPEED"].flatMap(Int.init) ?? 1_200

    private func verdicts(_ pipeline: Pipeline) throws -> [String: Int] {
        let rows = try pipeline.rows("SELECT verdict, COUNT(*) FROM second_opinion GROUP BY verdict")
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0], $0[1]) })
    }

    @Test func `right candles are disputed by none, and every pair has its turn within the hour`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("stream: {login_spacing_seconds: 0}\njournal: {retention_days: 0}\n")
        try await pipeline.startAll(simulator: ["--speed", "\(Self.speed)"])
        let newest = "SELECT COALESCE(MAX(open_time), 0) FROM second_opinion WHERE verdict = 'agrees'"
        let end = SteadyFeed.start + Self.hours * 3_600
        let limit = Duration.seconds(60 + Self.hours * 3_600 * 3 / Self.speed)
        try await eventually("\(Self.hours) hours are compared; \(pipeline.logs)", within: limit) {
            try pipeline.count(newest) >= end - 300
        }
        let counts = try verdicts(pipeline)
        #expect(counts["disputed"] ?? 0 == 0 && counts["differs"] ?? 0 == 0, "\(counts)")
        // The first hour, of the play or behind a weekend, may lack a pair whose first interval was not complete.
        for hour in stride(from: SteadyFeed.start + 3_600, to: end, by: 3_600)
        where [-3_600, 0, 3_599].allSatisfy({ TradingHours.fx.isOpen(at: UTCSeconds(rawValue: Int64(hour + $0))) }) {
            let pairs = """
                SELECT COUNT(DISTINCT instrument_id) FROM second_opinion
                WHERE verdict = 'agrees' AND open_time >= \(hour) AND open_time < \(hour + 3_600)
                """
            #expect(try pipeline.count(pairs) == 28)
        }
        let result = try await pipeline.result("candlewick", ["compare", "--check"])
        #expect(result.code == 0 && result.output.contains("EUR_USD"), "\(result.errors)")
        try await pipeline.expectAllEndInOrder()
    }

    @Test func `every candle that lacks its extreme is disputed, and no other`() async throws {
        let folder = Golden.folder + "/payrolls"
        try await expectDisputes(
            ["EUR_USD": "\(folder)/EUR_USD.csv.gz", "NZD_USD": "\(folder)/NZD_USD.csv.gz"], lostEvery: 40, speed: "900")
    }

    @Test(.enabled(if: sharedData != nil))
    func `one tick in 10,000 that is withheld is found where it was an extreme`() async throws {
        let data = try #require(sharedData)
        try await expectDisputes(
            [
                "EUR_USD": "\(data)/ticks/oanda_EURUSD_20140501_20140509.csv.gz",
                "NZD_USD": "\(data)/ticks/oanda_NZDUSD_20140501_20140509.csv.gz",
            ], lostEvery: 10_000, speed: "30000")
    }

    private struct Quote: Hashable {
        let time: Int64
        let bid: Price
        let ask: Price
    }

    /// The highest and lowest prices of an interval's ticks.
    private struct Extremes: Equatable {
        var bid: ClosedRange<Price>
        var ask: ClosedRange<Price>

        init(_ quotes: [Quote]) {
            let (bids, asks) = (quotes.map(\.bid), quotes.map(\.ask))
            bid = bids.min()!...bids.max()!
            ask = asks.min()!...asks.max()!
        }
    }

    /// Plays files while the broker withholds ticks of the tick items alone; compares what is disputed with what the
    /// files have and our journal has not.
    private func expectDisputes(_ files: [String: String], lostEvery: Int, speed: String) async throws {
        let pipeline = Pipeline()
        pipeline.configure(
            """
            instruments: [\(files.keys.sorted().joined(separator: ", "))]
            journal: {retention_days: 0}
            stream: {login_spacing_seconds: 0}

            """)
        let ticks = files.sorted { $0.key < $1.key }.flatMap { ["--ticks", "\($0.key)=\($0.value)"] }
        try await pipeline.startAll(simulator: ticks + ["--speed", speed, "--fault", "drop=\(lostEvery)"])
        var expected: Set<String> = []
        var all: [String: [Quote]] = [:]
        for (pair, file) in files { all[pair] = try Self.quotes(try textOf(file)) }
        let last = all.values.compactMap(\.last?.time).max()! / UTCNanos.perSecond / 300 * 300
        let newest = "SELECT COALESCE(MAX(open_time), 0) FROM second_opinion WHERE verdict <> 'waiting'"
        try await eventually("all is compared; \(pipeline.logs)", within: .seconds(240)) {
            try pipeline.count(newest) >= last
        }
        var withheld = 0
        for (pair, quotes) in all {
            let kept = try Self.journalled(pipeline, Pair(pair)!)
            withheld += quotes.count - kept.count
            let byInterval = Dictionary(grouping: quotes) { $0.time / UTCNanos.perSecond / 300 * 300 }
            let ours = Dictionary(grouping: kept) { $0.time / UTCNanos.perSecond / 300 * 300 }
            let compared = try pipeline.rows(
                """
                SELECT o.open_time FROM second_opinion o JOIN instrument i ON i.id = o.instrument_id
                WHERE i.name = '\(pair)' AND o.verdict IN ('agrees', 'differs', 'disputed')
                """
            ).map { $0[0] as Int64 }
            #expect(compared.count * 10 > byInterval.count * 8)
            for start in compared {
                if Extremes(byInterval[start] ?? []) != Extremes(ours[start] ?? []) {
                    expected.insert("\(pair) \(start)")
                }
            }
        }
        #expect(withheld > 0 && !expected.isEmpty)
        let disputed = try pipeline.rows(
            """
            SELECT i.name || ' ' || o.open_time FROM second_opinion o JOIN instrument i ON i.id = o.instrument_id
            WHERE o.verdict = 'disputed'
            """
        ).map { $0[0] as String }
        #expect(Set(disputed) == expected, "\(withheld) ticks withheld")
        let result = try await pipeline.result("candlewick", ["compare", "--check", "--ticks", "--days", "3000"])
        #expect(result.code == 65 && result.output.contains("disputed\n"), "\(result.errors)")
        let status = try await pipeline.result("candlewick", ["status"])
        #expect(
            status.output.contains("the broker's own candles dispute") == Self.isRecent(disputed, last), "\(status)")
        try await pipeline.expectAllEndInOrder()
    }

    /// Whether one of these, `PAIR START`, is of the last day.
    private static func isRecent(_ intervals: [String], _ last: Int64) -> Bool {
        intervals.contains { Int64($0.split(separator: " ")[1])! >= last - 86_400 }
    }

    private static func quotes(_ csv: String) throws -> [Quote] {
        try csv.split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: ",")
            return Quote(
                // The broker sends milliseconds.
                time: try #require(Int64(fields[0])) / 1_000_000 * 1_000_000, bid: try #require(Price(fields[1])),
                ask: try #require(Price(fields[2])))
        }
    }

    private static func journalled(_ pipeline: Pipeline, _ pair: Pair) throws -> [Quote] {
        var quotes: [Quote] = []
        let ticks = try JournalReader(folder: pipeline.state + "/journal/ticks", recordSize: TickEnvelope.byteCount)
        while try ticks.read(
            TickEnvelope.self,
            { tick in
                guard tick.kind == .tick, tick.pair == pair, !tick.flags.doesNotCount else { return }
                quotes.append(Quote(time: tick.brokerTime.rawValue, bid: tick.bid, ask: tick.ask))
            }) > 0
        {}
        return quotes
    }

    @Test func `a pair whose item is frozen is found within two native candles`() async throws {
        let pipeline = try await SteadyFeed.play(["EUR_USD", "USD_JPY"], seconds: 43_200, ["--speed", "100"])
        try await eventually("candles are compared; \(pipeline.logs)", within: .seconds(60)) {
            try pipeline.count("SELECT COUNT(*) FROM second_opinion WHERE verdict = 'agrees'") >= 2
        }
        try pipeline.fault("silent-item=CHART:CS.D.EURUSD.CFD.IP:TICK")
        let frozen = "SELECT pair, detail, time FROM feed_event WHERE event = 'blind began' AND pair IS NOT NULL"
        try await eventually("it is blind; \(pipeline.logs)", within: .seconds(60)) {
            try pipeline.rows(frozen).count > 0
        }
        let row = try #require(try pipeline.rows(frozen).first)
        let (since, told) = (row[1] as Int64, row[2] as Int64)
        #expect(row[0] as String == "EUR_USD")
        // Two candles that are complete after the last tick, and a second of ours to look.
        #expect(told - since < (3 * 300 + 100) * UTCNanos.perSecond)
        let whole = """
            SELECT COUNT(*) FROM candles WHERE pair = 'EUR_USD' AND timeframe = '5' AND volume <> 300
            """
        #expect(try pipeline.count(whole) == 0)
        try await pipeline.expectAllEndInOrder()
    }
}
