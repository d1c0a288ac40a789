import Foundation
import GRDB
import Testing
import TestKit

/// The commands of a person at the terminal.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct CommandTests {
    @Test func `candles shows what the database holds, as a table, as CSV and as JSON`() async throws {
        let pipeline = try await Payrolls.play(["--speed", "max", "--exit-when-done"])
        try await Payrolls.expectExact(pipeline)
        let stored = try pipeline.rows(
            """
            SELECT * FROM candles_full WHERE pair = 'EUR_USD' AND timeframe = '5' ORDER BY timestamp DESC LIMIT 7
            """
        ).reversed().map { $0 }
        #expect(stored.count == 7)
        try await expectCSV(pipeline, stored)
        try await expectJSON(pipeline, stored)
        try await expectTable(pipeline, stored)
        try await pipeline.expectCleanEnd()
    }

    private static let columns = ["bid", "ask", "mid"].flatMap { side in
        ["open", "high", "low", "close"].map { "\(side)_\($0)" }
    }

    private func candles(_ pipeline: Pipeline, _ pair: String, _ more: String...) async throws -> String {
        let (code, output, errors) = try await pipeline.result(
            "candlewick", ["candles", pair, "5m", "--last", "7"] + more)
        #expect(code == 0 && errors == "")
        return output
    }

    private func expectCSV(_ pipeline: Pipeline, _ stored: [Row]) async throws {
        let text = try await candles(pipeline, "EUR/USD", "--format", "csv", "--price", "all")
        for spelling in ["EUR_USD", "EURUSD", "eurusd"] {
            #expect(try await candles(pipeline, spelling, "--format", "csv", "--price", "all") == text)
        }
        let lines = text.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
        let head =
            ["timestamp"] + Self.columns + ["ticks", "complete", "blind_ms", "lost", "revision", "source", "collector"]
        #expect(lines.first == head)
        #expect(lines.count == 8)
        for (line, row) in zip(lines.dropFirst(), stored) {
            #expect(line.count == head.count)
            let prices = Self.columns.map { row[$0] as Double }
            #expect(line[1...12].map { Double($0) } == prices)
            let numbers = ["timestamp", "tick_count", "complete", "blind_ms", "lost", "revision"].map { row[$0] as Int }
            #expect(([line[0]] + line[13...17]).map { Int($0) } == numbers)
            #expect(line[18] == "streamed" && line[19] == "main")
        }
    }

    private func expectJSON(_ pipeline: Pipeline, _ stored: [Row]) async throws {
        let text = try await candles(pipeline, "EUR/USD", "--format", "json", "--price", "all")
        let objects = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
        #expect(objects.count == 7)
        for (object, row) in zip(objects, stored) {
            #expect(object["pair"] as? String == "EUR_USD" && object["timeframe"] as? String == "5")
            #expect(object["timestamp"] as? Int == row["timestamp"])
            #expect(object["ticks"] as? Int == row["tick_count"])
            #expect(object["complete"] as? Bool == true)
            for name in Self.columns { #expect(object[name] as? Double == row[name]) }
        }
    }

    private func expectTable(_ pipeline: Pipeline, _ stored: [Row]) async throws {
        let lines = try await candles(pipeline, "EUR/USD", "--price", "bid").split(separator: "\n")
        #expect(lines.count == 8)
        for (line, row) in zip(lines.dropFirst(), stored) {
            let numbers = line.split(separator: " ").compactMap { Double($0) }
            #expect(
                numbers == ["open", "high", "low", "close"].map { row["bid_\($0)"] } + [
                    Double(row["tick_count"] as Int)
                ])
        }
    }

    @Test(arguments: [
        ("EUR.US", "5m", "EUR.US"), ("EUR_USD", "7m", "7m"), ("EUR_USD", "0", "0"), ("EUR_USD", "soon", "soon"),
    ])
    func `an invalid pair or timeframe ends with 64 and is named`(
        pair: String, timeframe: String, named: String
    ) async throws {
        let (code, output, errors) = try await Pipeline().result("candlewick", ["candles", pair, timeframe])
        #expect(code == 64)
        #expect(output == "")
        #expect(errors.contains("The value '\(named)' is invalid for"), "\(errors)")
    }

    @Test func `candles without a database say so and end with 69`() async throws {
        let (code, _, errors) = try await Pipeline().result("candlewick", ["candles", "EUR_USD", "5m"])
        #expect(code == 69)
        #expect(errors.contains("candlewick.db does not exist"))
    }

    @Test func `status shows all stages, and names the one that is down`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD]\n")
        try await pipeline.startAll(simulator: ["--speed", "600"])
        try await Payrolls.begun(pipeline, candles: 2)
        let up = try await pipeline.result("candlewick", ["status", "--json"])
        #expect(up.code == 0, "\(up.errors)")
        let whole = try stages(up.output)
        #expect(whole.count == 3 && whole.values.allSatisfy { $0 is [String: Any] })

        // store-writer hears the broker's clock beside its candles.
        try await eventually("a delay is measured; \(pipeline.logs)") {
            let text = try await pipeline.result("candlewick", ["status", "--json"]).output
            return text.contains("\"worstSeconds\":")
        }

        pipeline.programs["aggregator"]?.kill()
        let down = try await pipeline.result("candlewick", ["status", "--json"])
        #expect(down.code == 69)
        #expect(down.errors.contains("not running: aggregator"), "\(down.errors)")
        let rest = try stages(down.output)
        #expect(rest["aggregator"] is NSNull)
        #expect(rest["ingest-stream"] is [String: Any] && rest["store-writer"] is [String: Any])
    }

    @Test func `status reports how complete the feed was and is`() async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "300"])
        let faults = [
            ("cut", "session recovered"), ("loop", "session preserved"), ("lost=2", "updates lost"),
            ("end=48", "session replaced"),
        ]
        for (fault, event) in faults {
            try pipeline.fault(fault)
            try await eventually("\(event); \(pipeline.logs)", within: .seconds(20)) { try pipeline.events(event) > 0 }
        }
        try await eventually("the hole ends", within: .seconds(10)) { try pipeline.holes().count == 2 }
        let seen = try await continuity(pipeline)
        #expect(seen["sessions"] as? [String: Int] == ["new": 1, "preserved": 1, "recovered": 1, "replaced": 1])
        #expect(seen["lostUpdates"] as? Int == 2)
        let hole = try #require(try pipeline.holes().last)
        let told = ["count": 1, "blindMilliseconds": (hole.count + 999_999) / 1_000_000]
        #expect(seen["holes"] as? [String: Int] == told)
        #expect(seen["holesOfLastDay"] as? [String: Int] == told)
        #expect(seen["blindSince"] is NSNull)
        let text = try await pipeline.result("candlewick", ["status"]).output
        #expect(text.contains("1 new, 1 preserved, 1 recovered (") && text.contains("resent), 1 replaced"), "\(text)")
        #expect(text.contains("feed          seen\n"), "\(text)")

        // No process ends this blindness.
        pipeline.programs["ingest-stream"]?.terminate()
        _ = try await pipeline.programs["ingest-stream"]?.ended()
        try await eventually("blindness is recorded", within: .seconds(10)) {
            try pipeline.events("blind began") == 4
        }
        let since = try pipeline.count("SELECT detail FROM feed_event ORDER BY position DESC LIMIT 1")
        #expect(try await continuity(pipeline, code: 69)["blindSince"] as? Int == since && since > 0)
        #expect(
            try await pipeline.result("candlewick", ["status"]).output.contains("feed          blind since 2026-05-12"))
    }

    @Test func `journal check and repair find damage and mend what can be mended`() async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "300"])
        let journal = { try await pipeline.result("candlewick", ["journal"] + $0) }
        let sound = try await journal(["check"])
        #expect(sound.code == 0 && sound.errors == "", "\(sound.errors)")
        for stream in ["ticks ", "candles "] { #expect(sound.output.contains("\n\(stream)"), "\(sound.output)") }
        let busy = try await journal(["repair"])
        #expect(busy.code == 75 && busy.errors.contains(" holds /"), "\(busy.errors)")

        try await pipeline.expectCleanEnd()
        let path = "\(pipeline.state)/journal/ticks/00000000000000000001.journal"
        var bytes = fileBytes(path)
        bytes[64 + 10 * 64] ^= 1
        TemporaryFolder.overwrite(path, bytes + [1, 2, 3])
        let damaged = try await journal(["check", "ticks"])
        #expect(damaged.code == 65 && damaged.errors.contains("damaged"), "\(damaged.errors)")
        let row = try #require(damaged.output.split(separator: "\n").first { $0.hasPrefix("ticks") })
        #expect(row.split(separator: " ").dropFirst(3).map(String.init) == ["1", "3", "0", "sound"], "\(row)")
        let mended = try await journal(["repair"])
        #expect(mended.code == 0 && mended.output.contains("ticks: "), "\(mended.output) \(mended.errors)")
        #expect(fileBytes(path) == bytes)
        #expect(try await journal(["repair"]).output == "nothing to repair\n")

        let none = try await Pipeline().result("candlewick", ["journal", "check"])
        #expect(none.code == 69 && none.errors.contains("/journal holds no journal"), "\(none.errors)")
        #expect(try await journal(["check", "stored"]).code == 64)
    }

    private func continuity(_ pipeline: Pipeline, code: Int32 = 0) async throws -> [String: Any] {
        let status = try await pipeline.result("candlewick", ["status", "--json"])
        #expect(status.code == code, "\(status.errors)")
        let report = try JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any]
        return try #require(report?["continuity"] as? [String: Any])
    }

    private func stages(_ text: String) throws -> [String: Any] {
        let report = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect((report["candles"] as? [Any])?.isEmpty == false && (report["events"] as? [Any])?.isEmpty == false)
        return try #require(report["stages"] as? [String: Any])
    }

    @Test(arguments: ["ingest-stream", "aggregator", "store-writer", "ig-simulator", "candlewick"])
    func `every program prints its usage and its version`(program: String) async throws {
        let help = try await Pipeline().result(program, ["--help"])
        #expect(help.code == 0 && help.errors == "")
        #expect(help.output.contains("USAGE: \(program)"))
        let version = try await Pipeline().result(program, ["--version"])
        #expect(version.code == 0)
        #expect(version.output.firstMatch(of: #/^[0-9]+\.[0-9]+\.[0-9]+\n$/#) != nil, "\(version.output)")
    }
}
