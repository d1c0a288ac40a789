import Foundation
import GRDB
import Testing
import TestKit

/// Several accounts beside each other, each with its ingest-stream and aggregator, and one store-writer.
@Suite(.serialized, .timeLimit(.minutes(4)))
struct CollectorTests {
    private static let names = (1...120).map { "IX" + String(repeating: "0", count: 3 - "\($0)".count) + "\($0)" }
    private static let walk = [
        "--port", "0", "--start", "2026-05-12T08:00:00", "--rate", "0.05", "--more-instruments", "120",
    ]

    /// Accounts of the collectors, 40 items each.
    private static func accounts(_ names: [String]) -> [String] { names.flatMap { ["--account", "\($0)=40"] } }

    /// Writes a collector's configuration; gives its environment.
    private func collector(
        _ name: String, _ instruments: some Sequence<String>, _ pipeline: Pipeline, _ more: String = ""
    ) -> [String: String?] {
        let list = instruments.map { $0.hasPrefix("IX") ? "{pair: \($0), epic: CS.D.\($0).CFD.IP}" : $0 }
        let yaml = """
            collector: \(name)
            instruments: [\(list.joined(separator: ", "))]
            stream: {login_spacing_seconds: 0}
            \(more)

            """
        return [
            "CANDLEWICK_CONFIG": pipeline.folder.write(yaml.utf8, to: "\(name).yaml"), "IG_USERNAME": name,
        ]
    }

    /// The aggregator and the ingest-stream of a collector.
    private func start(_ variables: [String: String?], _ pipeline: Pipeline) async throws -> [RunningProgram] {
        var programs: [RunningProgram] = []
        for name in ["aggregator", "ingest-stream"] {
            programs.append(try pipeline.launch(name, with: variables))
            _ = try await programs[programs.count - 1].ready()
        }
        return programs
    }

    private func end(_ programs: [RunningProgram]) async throws {
        for program in programs.reversed() {
            program.terminate()
            #expect(try await program.ended(within: .seconds(20)) == 0, "\(program.standardError.suffix(1_000))")
        }
    }

    @Test func `120 instruments on four accounts are complete in one database, and one too many is refused in words`()
        async throws
    {
        let pipeline = Pipeline()
        let collectors = ["asia", "eu", "uk", "us"]
        try await pipeline.start("ig-simulator", Self.walk + ["--speed", "60"] + Self.accounts(collectors + ["more"]))
        try await pipeline.start("store-writer")
        var programs: [RunningProgram] = []
        for (place, name) in collectors.enumerated() {
            let share = Self.names[(39 * place)..<min(39 * (place + 1), 120)]
            programs += try await start(collector(name, share, pipeline), pipeline)
        }
        let refused = try pipeline.launch(
            "ingest-stream", with: collector("more", Self.names.prefix(40), pipeline))
        #expect(try await refused.ended(within: .seconds(20)) == 78)
        #expect(
            refused.standardError.contains("40 instruments need 41 items")
                && refused.standardError.contains("IX040 would be left out. 1 more collector is needed"),
            "\(refused.standardError)")
        // Every instrument has a whole candle of both timeframes.
        try await eventually("all 240 series have one; \(pipeline.logs)", within: .seconds(150)) {
            (try? pipeline.count("SELECT count(*) FROM (SELECT DISTINCT pair, timeframe FROM candles)")) == 240
        }
        let shares = try pipeline.rows(
            "SELECT collector, count(DISTINCT pair) AS pairs FROM candles_full GROUP BY collector ORDER BY collector")
        #expect(
            shares.map { $0["collector"] as String } == collectors
                && shares.map { $0["pairs"] as Int } == [39, 39, 39, 3])
        #expect(programs.allSatisfy { !$0.standardError.contains("refused a subscription") })
        try await end(programs)
        #expect(try await pipeline.stop().allSatisfy { $0.value == 0 })
        #expect(FileManager.default.fileExists(atPath: "\(pipeline.state)/collectors/us/journal/candles"))
    }

    @Test func `one of two collectors with the same pairs is killed, and no candle is missing or partial`() async throws
    {
        let pipeline = Pipeline()
        let pairs = ["EUR_USD", "USD_JPY"]
        try await pipeline.start("ig-simulator", Self.walk + ["--speed", "60"] + Self.accounts(["one", "two"]))
        try await pipeline.start("store-writer")
        let first = try await start(collector("one", pairs, pipeline, "timeframes: [1m]"), pipeline)
        let second = try await start(collector("two", pairs, pipeline, "timeframes: [1m]"), pipeline)
        func whole(_ collector: String) -> Int {
            (try? pipeline.count(
                "SELECT count(*) FROM candles_full WHERE complete = 1 AND collector = '\(collector)'")) ?? 0
        }
        func complete() -> Int { (try? pipeline.count("SELECT count(*) FROM candles")) ?? 0 }
        try await eventually("both are seen; \(pipeline.logs)", within: .seconds(60)) { complete() > 10 }
        // The feed of the first ends without a word.
        for program in first { program.kill() }
        let before = complete()
        try await eventually("the second goes on", within: .seconds(60)) {
            complete() > before + 20 && whole("two") > 10
        }
        let partial = try pipeline.rows(
            """
            SELECT pair, timestamp FROM candles_full f WHERE complete = 0
            AND timestamp > (SELECT min(timestamp) FROM candles_full WHERE complete = 1 AND pair = f.pair)
            AND timestamp < (SELECT max(timestamp) FROM candles_full WHERE complete = 1 AND pair = f.pair)
            """)
        let isCut = second.contains {
            $0.standardError.contains("Connection lost") || $0.standardError.contains("silent")
        }
        #expect(partial.isEmpty || isCut, "\(partial)")
        for program in first { _ = try await program.ended(within: .seconds(5)) }
        try await end(second)
        #expect(try await pipeline.stop().allSatisfy { $0.value == 0 })
    }
}
