import Foundation
import Testing
import TestKit

/// `candlewick refold` beside the real processes.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct RefoldTests {
    private func play(_ files: [String: String], ticks: Int) async throws -> Pipeline {
        let pipeline = Pipeline()
        // More than a week is played.
        pipeline.configure(
            "instruments: [\(files.keys.sorted().joined(separator: ", "))]\njournal: {retention_days: 0}\n")
        let words = files.sorted { $0.key < $1.key }.flatMap { ["--ticks", "\($0.key)=\($0.value)"] }
        try await pipeline.startAll(simulator: words + ["--speed", "max", "--exit-when-done"])
        try await eventually("all candles are stored; \(pipeline.logs)", within: .seconds(240)) {
            try pipeline.count("SELECT SUM(tick_count) FROM candle WHERE timeframe = 300") == ticks
                && pipeline.count("SELECT SUM(tick_count) FROM candle WHERE timeframe = 900") == ticks
        }
        return pipeline
    }

    private func refold(_ pipeline: Pipeline, _ arguments: String...) async throws -> [String: Any] {
        let (code, output, errors) = try await pipeline.result(
            "candlewick", ["refold", "--json"] + arguments, within: .seconds(120))
        #expect(code == 0 && errors == "", "\(errors)")
        return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    }

    private func payrolls() async throws -> Pipeline {
        let folder = Golden.folder + "/payrolls"
        return try await play(
            ["EUR_USD": "\(folder)/EUR_USD.csv.gz", "NZD_USD": "\(folder)/NZD_USD.csv.gz"], ticks: Payrolls.ticks)
    }

    @Test func `half hours out of ticks are what their parts are, and come once`() async throws {
        let pipeline = try await payrolls()
        let made = try await refold(pipeline, "--timeframe", "30m")
        #expect(made["stored"] as? Bool == true && made["candles"] as? Int == 6 && made["derived"] as? Int == 0)
        func part(_ value: String) -> String {
            """
            (SELECT \(value) FROM candle p WHERE p.instrument_id = c.instrument_id AND p.timeframe = 300
                AND p.open_time >= c.open_time AND p.open_time < c.open_time + 1800)
            """
        }
        let sums = [
            "bid_high = \(part("MAX(bid_high)"))", "ask_low = \(part("MIN(ask_low)"))",
            "mid_high = \(part("MAX(mid_high)"))", "tick_count = \(part("SUM(tick_count)"))",
            "first_tick_time = \(part("MIN(first_tick_time)"))", "complete = 1", "source = 1",
        ].joined(separator: " AND ")
        #expect(try pipeline.count("SELECT COUNT(*) FROM candle c WHERE timeframe = 1800 AND \(sums)") == 6)
        let rows = try pipeline.rows("SELECT * FROM candle")
        let again = try await refold(pipeline, "--timeframe", "30m")
        #expect(again["stored"] as? Bool == true && again["candles"] as? Int == 6)
        #expect(try pipeline.rows("SELECT * FROM candle") == rows)
        let tap = try await pipeline.result("candlewick", ["tap", "refold", "--from", "oldest", "--count", "12"])
        #expect(tap.code == 0 && tap.output.split(separator: "\n").count == 12)
        let check = try await pipeline.result("candlewick", ["journal", "check", "refold"])
        #expect(check.code == 0 && check.output.contains("refold"))
        try await pipeline.expectCleanEnd()
    }

    @Test func `a refold without a timeframe is refused, a new one without candles is silent`() async throws {
        let pipeline = Pipeline()
        for arguments in [[], ["--new", "--timeframe", "1h"], ["--new", "--since", "2026-01-01"], ["-t", "7m"]] {
            #expect(try await pipeline.result("candlewick", ["refold"] + arguments).code == 64)
        }
        let new = try await pipeline.result("candlewick", ["refold", "--new"])
        #expect(new == (0, "", ""))
        #expect(String(decoding: fileBytes(pipeline.state + "/timeframes"), as: UTF8.self) == "5m\n15m\n")
    }

    @Test(.enabled(if: sharedData != nil))
    func `hours and minutes of nine real days are exactly the reference candles`() async throws {
        let data = try #require(sharedData)
        let pipeline = try await play(
            [
                "EUR_USD": "\(data)/ticks/oanda_EURUSD_20140501_20140509.csv.gz",
                "NZD_USD": "\(data)/ticks/oanda_NZDUSD_20140501_20140509.csv.gz",
            ], ticks: 595_827)
        let made = try await refold(pipeline, "--timeframe", "1h", "--timeframe", "1m")
        #expect(made["stored"] as? Bool == true)
        for (name, minutes) in [("1h", "60"), ("1m", "1")] {
            let reference = referenceRows(
                try textOf("\(data)/reference-candles/oanda_EURUSD_20140501_20140509__\(name).csv.gz"))
            let stored = try pipeline.storedRows("EUR_USD", minutes)
            #expect(stored.count == reference.count)
            let different = zip(stored, reference).first { $0 != $1 }
            #expect(different == nil, "first difference (stored, reference)")
        }
        #expect(try pipeline.count("SELECT SUM(tick_count) FROM candle WHERE timeframe = 3600") == 595_827)
        try await pipeline.expectCleanEnd()
    }
}
