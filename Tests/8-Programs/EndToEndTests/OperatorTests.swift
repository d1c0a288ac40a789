import CandleReader
import Foundation
import GRDB
import Host
import MarketData
import SQLiteStore
import Store
import Streams
import Testing
import TestKit
import Wire

/// The tasks of an operator and of a bot's author, with a running pipeline and with a stopped one.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct OperatorTests {
    /// Everything but the times of this machine.
    private static let tables = [
        """
        SELECT instrument.name, timeframe, open_time, bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low,
            ask_close, mid_open, mid_high, mid_low, mid_close, tick_count, inverted_ticks, first_tick_time, last_tick_time,
            blind_ms, lost, complete, flags, source, rank, revision, input_position
        FROM candle JOIN instrument ON id = instrument_id ORDER BY 1, 2, 3
        """,
        "SELECT * FROM feed_event ORDER BY position, event",
        "SELECT COUNT(*) FROM outranked_candle",
    ]

    private func content(_ pipeline: Pipeline) throws -> [[String]] {
        try Self.tables.map { try pipeline.rows($0).map { "\($0)" } }
    }

    /// An hour and more of all pairs, with a cut and a hole in it; ended in order, everything stored.
    private func playedHour() async throws -> Pipeline {
        let pipeline = Pipeline()
        pipeline.configure("stream:\n  login_spacing_seconds: 0\n")
        try await pipeline.startAll(simulator: ["--speed", "300"])
        try await Payrolls.begun(pipeline, candles: 28)
        try pipeline.fault("cut")
        try await eventually("a session is recovered", within: .seconds(20)) {
            try pipeline.events("session recovered") > 0
        }
        try pipeline.fault("end=48")
        let hour = "SELECT COUNT(DISTINCT timestamp) FROM candles_full WHERE timeframe = '5'"
        try await eventually("an hour is stored; \(pipeline.logs)", within: .seconds(60)) {
            try pipeline.count(hour) > 13
        }
        for name in ["ingest-stream", "ig-simulator"] {
            let program = pipeline.programs.removeValue(forKey: name)
            program?.terminate()
            #expect(try await program?.ended(within: .seconds(20)) == 0)
        }
        try await expectSettled(pipeline)
        #expect(try await pipeline.stop().values.allSatisfy { $0 == 0 })
        return pipeline
    }

    /// Waits until both later stages have taken in all that the one before has.
    private func expectSettled(_ pipeline: Pipeline) async throws {
        let journal = try JournalTail.lastPosition(TickEnvelope.self, folder: pipeline.state + "/journal/ticks")
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            let json = try await pipeline.result("candlewick", ["status", "--json"]).output
            let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            let stages = object?["stages"] as? [String: Any]
            func position(_ stage: String, _ side: String, _ stream: String) -> Int? {
                let all = (stages?[stage] as? [String: Any])?[side] as? [[String: Any]]
                return all?.first { $0["stream"] as? String == stream }?["position"] as? Int
            }
            let candles = position("aggregator", "outputs", "candles")
            let isSettled = position("aggregator", "inputs", "ticks") == Int(journal)
            if isSettled, candles != nil, position("store-writer", "inputs", "candles") == candles { return }
        }
        Issue.record("not settled; \(pipeline.logs)")
    }

    private struct Verified: Decodable {
        struct Difference: Decodable {
            struct Span: Decodable {
                let count: Int
                let first: Int
                let last: Int
            }
            let pair: String
            let start: Int
            let kind: String
            let columns: [[String: String]]
            let ticks: Span?
        }
        let compared: Int
        let wrong: Int
        let differences: [Difference]
    }

    private func verified(_ pipeline: Pipeline, code: Int32 = 0) async throws -> Verified {
        let result = try await pipeline.result("candlewick", ["verify", "--json"])
        #expect(result.code == code, "\(result.errors)\(result.output)")
        return try JSONDecoder().decode(Verified.self, from: Data(result.output.utf8))
    }

    @Test func `a recorded hour, replayed as fast as it is taken, gives the same database`() async throws {
        let live = try await playedHour()
        let record = try await live.result(
            "candlewick", ["record", live.folder.path + "/rec", "--from", "oldest", "--stored"])
        #expect(record.code == 0, "\(record.errors)")

        let fresh = Pipeline()
        try await fresh.start("aggregator")
        try await fresh.start("store-writer")
        let arguments = [
            "replay", live.folder.path + "/rec", "--runtime-dir", fresh.folder.path + "/run", "--state-dir",
            fresh.state,
            "--speed", "max",
        ]
        let replay = try await fresh.result("candlewick", arguments)
        #expect(replay.code == 0, "\(replay.errors)")
        let count = try live.count("SELECT COUNT(*) FROM candle")
        try await eventually("all is stored again; \(fresh.logs)", within: .seconds(30)) {
            try fresh.count("SELECT COUNT(*) FROM candle") == count
        }
        #expect(try await fresh.stop().values.allSatisfy { $0 == 0 })
        let (before, after) = (try content(live), try content(fresh))
        #expect(count > 28 * 13 && before[1].count > 4)
        #expect(before == after)
        try await expectFindings(live)
    }

    /// Spoils the database in three ways: each is found, with the ticks behind it. And explains the spoilt candle.
    private func expectFindings(_ pipeline: Pipeline) async throws {
        let whole = try await verified(pipeline)
        let count = try pipeline.count("SELECT COUNT(*) FROM candle")
        #expect(whole.wrong == 0 && whole.compared == count)
        let row = try #require(
            try pipeline.rows(
                "SELECT timestamp, tick_count, mid_close FROM candles_full WHERE pair = 'EUR_USD' AND timeframe = '5' AND complete LIMIT 1 OFFSET 3"
            ).first)
        let (start, ticks): (Int, Int) = (row["timestamp"], row["tick_count"])
        try await DatabaseQueue(path: pipeline.database).write { db in
            let pair =
                "instrument_id = (SELECT id FROM instrument WHERE name = 'EUR_USD') AND timeframe = 300 AND open_time"
            try db.execute(sql: "UPDATE candle SET mid_close = mid_close + 1000 WHERE \(pair) = \(start)")
            try db.execute(sql: "DELETE FROM candle WHERE \(pair) = \(start + 300)")
            let columns = try Row.fetchAll(db, sql: "PRAGMA table_info(candle)").map { $0["name"] as String }
                .filter { $0 != "open_time" }.joined(separator: ", ")
            try db.execute(
                sql:
                    "INSERT INTO candle (open_time, \(columns)) SELECT \(start - 90_000), \(columns) FROM candle WHERE \(pair) = \(start)"
            )
        }
        let spoilt = try await verified(pipeline, code: 65)
        #expect(spoilt.wrong == 3)
        let kinds = Dictionary(uniqueKeysWithValues: spoilt.differences.map { ($0.start, $0) })
        let changed = try #require(kinds[start])
        #expect(changed.kind == "different" && changed.columns.map { $0["name"] } == ["mid_close"])
        #expect(changed.ticks?.count == ticks)
        #expect(kinds[start + 300]?.kind == "not in the database" && kinds[start + 300]?.ticks != nil)
        #expect(kinds[start - 90_000]?.kind == "not in the journals" && kinds[start - 90_000]?.ticks == nil)

        let moment = UTCSeconds(rawValue: Int64(start + 200)).text(separator: "T")
        let text = try await pipeline.result("candlewick", ["explain", "EURUSD", moment, "--ticks"])
        #expect(text.code == 0 && text.errors == "")
        #expect(text.output.contains("Kept: streamed, rank 5, revision 1"), "\(text.output)")
        #expect(
            text.output.contains(
                "ticks  \(ticks), positions \(changed.ticks?.first ?? 0) to \(changed.ticks?.last ?? 0)"))
        #expect(text.output.split(separator: "\n").count { $0.contains("T08:") || $0.contains("T09:") } >= ticks)
        // A recording of ticks alone holds no candle.
        let blank = try await pipeline.result(
            "candlewick", ["verify"],
            with: ["CANDLEWICK_STATE_DIR": pipeline.folder.path + "/rec", "CANDLEWICK_DATABASE": pipeline.database])
        #expect(blank.code == 69 && blank.errors.contains("nothing to compare"), "\(blank)")
        let gaps = try await pipeline.result("candlewick", ["gaps", "EUR_USD", "-t", "5m", "--json"])
        #expect(gaps.output.contains("\"state\":\"partial\"") && gaps.code == 0)
    }

    @Test func `taps of real programs go over into live without a seam, with and without a filter`() async throws {
        let pipeline = try await SteadyFeed.play(["EUR_USD", "USD_JPY"], seconds: 43_200, ["--speed", "200"])
        try await Payrolls.begun(pipeline, candles: 2)
        var starts: [Int] = []
        for _ in 0..<8 {
            let last = try await lastPosition(pipeline)
            let start = Int.random(in: 1...last)
            starts.append(start)
            let count = last - start + 500
            let tap = try await pipeline.result(
                "candlewick", ["tap", "ticks", "--from", "\(start)", "--count", "\(count)", "--json"])
            #expect(tap.code == 0 && tap.errors == "", "\(tap.errors)")
            let positions = tap.output.split(separator: "\n").compactMap { line in
                (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["position"] as? Int
            }
            #expect(positions == Array(start..<(start + count)), "from \(start), of \(starts)")
        }
        let one = try await pipeline.result(
            "candlewick", ["tap", "candles", "-p", "USD_JPY", "--from", "oldest", "--count", "3"])
        #expect(one.output.split(separator: "\n").count == 3 && !one.output.contains("EUR_USD") && one.code == 0)
        let feed = try await pipeline.result("candlewick", ["tap", "feed", "--from", "oldest", "--count", "2"])
        #expect(feed.output.contains("blind began") && feed.output.contains("session new"), "\(feed.output)")
        let status = try await pipeline.result("candlewick", ["tap", "status", "--count", "3"])
        #expect(status.output.contains("{\"stage\":\"aggregator\",\"status\":{"), "\(status.output)")
        try await pipeline.expectCleanEnd()
    }

    private func lastPosition(_ pipeline: Pipeline) async throws -> Int {
        let line = try await pipeline.result("candlewick", ["tap", "ticks", "--count", "1"]).output
        return try #require(Int(line.prefix { $0 != " " }))
    }

    private static func content(_ candle: Store.Candle) -> String {
        """
        \(candle.timestamp) \(candle.bid) \(candle.ask) \(candle.mid) \(candle.tickCount) \(candle.isComplete) \
        \(candle.blindMilliseconds) \(candle.lostUpdates) \(candle.revision) \(candle.source)
        """
    }

    @Test func `a bot that waits for stored candles can read each one that it receives`() async throws {
        let pipeline = try await SteadyFeed.play(["EUR_USD", "USD_JPY"], seconds: 43_200, ["--speed", "300"])
        let paths = try Paths(runtime: pipeline.folder.path + "/run", state: pipeline.state)
        try await Payrolls.begun(pipeline, candles: 1)
        let stored = try StoredCandles(paths: paths, pair: Make.eurUSD, timeframe: .fiveMinutes)
        let reader = try SQLiteReader(path: paths.database)
        for _ in 0..<5 {
            let new = try #require(stored.next(milliseconds: 10_000), "\(pipeline.logs)")
            #expect(new.series == Series(Make.eurUSD, .fiveMinutes))
            let start = UTCSeconds(rawValue: new.candle.timestamp)
            let read = try reader.candles(Make.eurUSD, .fiveMinutes, in: start..<(start + 1), .all)
            // The bus does not say whose candle it is.
            #expect(read.map(\.collector) == [.main] && new.candle.collector == nil)
            #expect(read.map(Self.content) == [Self.content(new.candle)])
        }
        #expect(try StoredCandles(paths: Paths(state: pipeline.folder.path + "/none")).next(milliseconds: 20) == nil)
        try await pipeline.expectCleanEnd()
    }

    @Test func `maintenance is done by the writer while it runs, and under its lock where it does not`() async throws {
        let pipeline = try await SteadyFeed.play(seconds: 43_200, ["--speed", "600"])
        try await Payrolls.begun(pipeline, candles: 3)
        func maintain(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
            try await pipeline.result("candlewick", ["maintain"] + arguments)
        }
        for round in 0..<2 {
            let vacuum = try await maintain("vacuum")
            #expect(vacuum.code == 0 && vacuum.output.hasPrefix("database rewritten: "), "\(vacuum)")
            #expect(
                try await maintain("analyse", "--json").output
                    == "{\"done\":\"statistics of the query planner updated\"}\n")
            #expect(try await maintain("check").output == "sound: \(pipeline.database)\n")
            let backup = pipeline.folder.path + "/backup-\(round).db"
            #expect(try await maintain("backup", backup).code == 0)
            #expect(try SQLiteReader(path: backup).last(3, Make.eurUSD, .fiveMinutes).count == 3)
            if round == 0 {
                let done = try await maintain("clear", "--days", "1")
                #expect(done.code == 0 && done.output.contains("candles from before"), "\(done)")
                #expect(pipeline.programs["store-writer"]?.standardError.contains("Maintenance") == true)
                try await pipeline.expectCleanEnd()
            }
        }
        // Old candles, by import, then cleared.
        let old = "time,open,high,low,close\n2020-01-06T10:00,1.1,1.1,1.1,1.1\n"
        let file = pipeline.folder.write(old.utf8, to: "old.csv")
        let imported = try await pipeline.result("candlewick", ["import", file, "--pair", "EUR_USD", "-t", "5m"])
        #expect(imported.output.contains("1 candle handed over, and stored once"), "\(imported)")
        try await pipeline.start("aggregator")
        try await pipeline.start("store-writer")
        let count = "SELECT COUNT(*) FROM candles WHERE source = 'imported'"
        try await eventually("the import is stored; \(pipeline.logs)", within: .seconds(20)) {
            try pipeline.count(count) == 1
        }
        let again = try await pipeline.result("candlewick", ["import", file, "--pair", "EUR_USD", "-t", "5m"])
        let lines = again.output.split(separator: "\n")
        #expect(lines.first == "0 candles imported; 1 stored already, 0 partial ones left out", "\(again)")
        #expect(
            lines.last?.hasPrefix("the import adds nothing to what repair buys: repair looks back to ") == true,
            "\(again)")
        let corrected = pipeline.folder.write(
            old.replacing(",1.1\n", with: ",1.05\n").replacing("1.1,1.1,1.05", with: "1.1,1.0,1.05").utf8, to: "new.csv"
        )
        let third = try await pipeline.result("candlewick", ["import", corrected, "--pair", "EUR_USD", "-t", "5m"])
        #expect(third.output.hasPrefix("1 candle imported"), "\(third)")
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles WHERE close = 1.05") == 1)
        let cleared = try await maintain("clear", "--days", "30")
        #expect(cleared.output.hasPrefix("1 candles from before"), "\(cleared)")
        #expect(try pipeline.count(count) == 0)
        #expect(try await verified(pipeline).wrong == 0)
        try await pipeline.expectCleanEnd()
    }

    @Test func `status says quota, disk and what a script should know`() async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "300"])
        // A timeframe that is only imported is not expected to go on.
        let file = pipeline.folder.write("time,open,high,low,close\n2026-05-11,1.1,1.1,1.1,1.1\n".utf8, to: "day.csv")
        #expect(try await pipeline.result("candlewick", ["import", file, "--pair", "EUR_USD", "-t", "1d"]).code == 0)
        let status = try await pipeline.result("candlewick", ["status", "--json"])
        #expect(status.code == 0, "\(status.errors)")
        let object = try #require(JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any])
        #expect((object["quota"] as? [String: Any])?["remaining"] as? Int == 10_000)
        let disk = try #require(object["disk"] as? [String: Any])
        #expect((disk["free"] as? Int ?? 0) > 0 && (disk["database"] as? Int ?? 0) > 0)
        #expect((disk["journals"] as? [String: Int])?["ticks"] ?? 0 > 0)
        #expect(object["findings"] as? [String] == [])
        let candles = try #require(object["candles"] as? [[String: Any]])
        #expect(candles.allSatisfy { $0["state"] as? String == "fresh" || $0["timeframe"] as? String == "1440" })
        let top = try await pipeline.result("candlewick", ["top", "--json", "--for", "2s"])
        let lines = top.output.split(separator: "\n")
        #expect(lines.count >= 1 && lines.allSatisfy { $0.contains("\"stages\":{\"aggregator\":{") }, "\(top)")
        try await pipeline.expectCleanEnd()
    }

    @Test(arguments: [
        (["candles", "EUR_USD", "5m", "--last", "0"], "--last must be 1 to 10,000,000"),
        (["candles", "EUR_USD", "5m", "--json", "--format", "csv"], "exclude each other"),
        (["gaps", "--days", "0"], "--days must be"), (["gaps", "EUR.US"], "'EUR.US'"),
        (["explain", "EUR_USD", "tomorrow"], "'tomorrow'"),
        (["explain", "EUR_USD"], "Missing expected argument '<time>'"),
        (["tap", "prices"], "'prices'"), (["tap", "ticks", "--from", "yesterday"], "'yesterday'"),
        (["tap", "stored", "--from", "oldest"], "has no journal"), (["tap", "ticks", "--count", "0"], "--count"),
        (["record"], "Missing expected argument '<folder>'"), (["record", "x", "--stored"], "--stored needs"),
        (["record", "x", "--since", "2026-05-12", "--until", "2026-05-11"], "--until must be later"),
        (["replay", "x"], "--runtime-dir"), (["replay", "x", "--runtime-dir", "y", "--speed", "fast"], "'fast'"),
        (["replay", "x", "--runtime-dir", "y", "--speed", "1e-12"], "'1e-12'"),
        (["tap", "ticks", "--from", "18446744073709551615"], "'18446744073709551615'"),
        (["replay", "x", "--runtime-dir", "y", "--after-readers"], "--after-readers needs --speed max"),
        (["export", "--since", "2026-05-12", "--until", "2026-05-12"], "--until must be later"),
        (["export", "--price", "bid"], "--price is for"),
        (["export", "--format", "mt5", "--view", "candles"], "--view is for"),
        (["export", "--format", "lean", "--price", "bid"], "lean has bid and ask"),
        (["export", "--format", "mt5", "--json"], "exclude each other"),
        (["export", "--format", "parquet"], "'parquet'"), (["import"], "Missing expected argument '<file>'"),
        (["maintain", "clear"], "--days"), (["maintain", "clear", "--days", "0"], "--days must be"),
        (["maintain", "backup"], "'<file>'"), (["status", "--json", "--stored"], "exclude each other"),
        (["top", "--plain", "--json"], "exclude each other"), (["verify", "--all"], "'--all'"),
        (["indicators", "-t", "7m"], "'7m'"), (["prices"], "prices"),
        (["compare", "--collectors", "--ticks"], "exclude each other"), (["verify", "--collector"], "'--collector"),
    ])
    func `wrong arguments end with 64 and a sentence that names them`(arguments: [String], words: String) async throws {
        let (code, output, errors) = try await Pipeline().result("candlewick", arguments)
        #expect(code == 64 && output == "")
        #expect(errors.hasPrefix("Error: ") && errors.contains(words), "\(errors)")
        #expect(errors.contains("--help'") && errors.split(separator: "\n").count <= 14, "\(errors)")
    }

    @Test(arguments: [
        ["gaps"], ["indicators"], ["verify"], ["explain", "EUR_USD", "2026-05-12"], ["export"], ["maintain", "stats"],
        ["maintain", "vacuum"], ["maintain", "check"], ["maintain", "backup", "x.db"], ["status"],
    ])
    func `without a database each command says so and ends with 69`(arguments: [String]) async throws {
        let (code, _, errors) = try await Pipeline().result("candlewick", arguments)
        #expect(code == 69)
        #expect(
            errors.contains("candlewick.db does not exist") && errors.split(separator: "\n").count == 1, "\(errors)")
    }
}
