import Testing
import TestKit

/// Ticks of one second each, from a moment that begins an hour: their candles are known without a reference.
enum SteadyFeed {
    /// 2026-05-12 08:00 UTC, a Tuesday.
    static let start = 1_778_572_800

    /// The arguments that let the simulator play this many seconds of these pairs.
    static func arguments(_ pairs: [String] = ["EUR_USD"], seconds: Int, in folder: TemporaryFolder) -> [String] {
        let path = write([start..<(start + seconds)], closings: [], in: folder)
        return pairs.flatMap { ["--ticks", "\($0)=\(path)"] }
    }

    /// A file with a tick at each of these seconds, and an update without prices at each closing.
    static func write(_ stretches: [Range<Int>], closings: [Int], in folder: TemporaryFolder) -> String {
        var rows = stretches.joined().map { second in
            (second, "\(second)000000000,1.1\(1_000 + second % 97),1.1\(1_010 + second % 89)\n")
        }
        rows += closings.map { ($0, "\($0)000000000,,\n") }
        let text = "timestamp_utc_ns,bid,ask\n" + rows.sorted { $0.0 < $1.0 }.map(\.1).joined()
        return folder.write(text.utf8, to: "ticks.csv")
    }

    /// A pipeline that plays them.
    static func play(
        _ pairs: [String] = ["EUR_USD"], seconds: Int, _ arguments: [String]
    ) async throws -> Pipeline {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [\(pairs.joined(separator: ", "))]\nstream:\n  login_spacing_seconds: 0\n")
        let files = SteadyFeed.arguments(pairs, seconds: seconds, in: pipeline.folder)
        try await pipeline.startAll(simulator: files + arguments)
        return pipeline
    }

    /// A pipeline that plays half a day, longer than any test, and has stored its first candle.
    static func begin(_ arguments: [String]) async throws -> Pipeline {
        let pipeline = try await play(seconds: 43_200, arguments)
        try await Payrolls.begun(pipeline, candles: 1)
        return pipeline
    }

    /// Waits for one hole and for what follows it. No candle that is touched by the hole is shown as complete,
    /// and every complete one is full.
    static func expectOneHole(_ pipeline: Pipeline) async throws {
        // The first is what was before the start.
        try await eventually("the hole is recorded; \(pipeline.logs)", within: .seconds(20)) {
            try pipeline.holes().count == 2
        }
        let hole = try #require(try pipeline.holes().last)
        let later = "SELECT COUNT(*) FROM candles WHERE timestamp > \(hole.upperBound / 1_000_000_000)"
        try await eventually("complete candles follow it; \(pipeline.logs)", within: .seconds(20)) {
            try pipeline.count(later) > 0
        }
        try pipeline.expectBlindnessTold()
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles WHERE volume <> timeframe * 60") == 0)
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles_full WHERE blind_ms > 0") > 0)
    }

    /// Waits until the candles of a pair hold this many ticks, and shows that each of them is complete.
    static func expectWhole(_ pipeline: Pipeline, _ pair: String = "EUR_USD", ticks: Int) async throws {
        let sum = "SELECT SUM(tick_count) FROM candles_full WHERE pair = '\(pair)' AND timeframe = '5'"
        try await eventually("\(ticks) ticks of \(pair); \(pipeline.logs)", within: .seconds(30)) {
            try pipeline.count(sum) == ticks
        }
        try await eventually("all of them complete; \(pipeline.logs)", within: .seconds(10)) {
            try pipeline.count("SELECT COUNT(*) FROM candles_full WHERE pair = '\(pair)' AND partial") == 0
        }
        let other = "SELECT COUNT(*) FROM candles_full WHERE pair = '\(pair)' AND tick_count <> timeframe * 60"
        #expect(try pipeline.count(other) == 0)
        try pipeline.expectBlindnessTold()
    }
}
