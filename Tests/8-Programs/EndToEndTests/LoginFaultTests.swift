import GRDB
import Testing
import TestKit

/// The effects of the broker's logins, tokens, refusals and weekends.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct LoginFaultTests {
    @Test func `expired tokens hurt nothing until a new session is needed, which then logs in again`() async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "600"])
        try pipeline.fault("expire-tokens")
        let before = try pipeline.count(Self.candles)
        try await eventually("the stream runs on", within: .seconds(10)) {
            try pipeline.count(Self.candles) >= before + 2
        }
        #expect(try pipeline.history() == Pipeline.begun)
        try pipeline.fault("cut")
        try await recorded("session recovered", in: pipeline)
        #expect(!pipeline.said("ingest-stream", "logging in again"))

        try pipeline.fault("refuse-recovery=20 cut")
        try await recorded("session replaced", in: pipeline)
        #expect(pipeline.said("ingest-stream", "Broker refused the session tokens, logging in again", "code=1"))
        #expect(pipeline.said("ingest-stream", "Logged in again"))
        try await SteadyFeed.expectOneHole(pipeline)
        try await pipeline.expectCleanEnd()
    }

    @Test func `the weekend's maintenance is waited out, and its hole is recorded`() async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "300"])
        try pipeline.fault("refuse-login expire-tokens end=32")
        try await pipeline.told("ingest-stream", "Broker refused the session tokens, logging in again")
        try await pipeline.told(
            "ingest-stream", "Login failed, trying again until it succeeds", "error.security.client-token-invalid")
        #expect(try pipeline.history() == Pipeline.begun + ["blind began"])
        try pipeline.fault("clear")
        try await recorded("session replaced", in: pipeline)
        try await SteadyFeed.expectOneHole(pipeline)
        try await pipeline.expectCleanEnd()
    }

    @Test(arguments: [[], ["--fault", "refuse-websocket"]])
    func `a broker whose bytes dribble is understood, and nothing is missing`(transport: [String]) async throws {
        let slow = ["--speed", "180", "--fault", "slow=12"]
        let pipeline = try await SteadyFeed.play(seconds: 900, slow + transport)
        try await SteadyFeed.expectWhole(pipeline, ticks: 900)
        #expect(try pipeline.history() == Pipeline.begun)
        try await pipeline.expectCleanEnd()
    }

    @Test func `a closed market is not blindness`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD]\n")
        // Friday 2026-05-15 20:40 to 21:00 UTC and Sunday from 21:00 on, New York's 17:00.
        let (friday, sunday) = (1_778_877_600, 1_779_051_600)
        let stretches = [friday..<(friday + 1_200), sunday..<(sunday + 1_200)]
        let file = SteadyFeed.write(stretches, closings: [friday + 1_200], in: pipeline.folder)
        try await pipeline.startAll(simulator: ["--ticks", "EUR_USD=\(file)", "--speed", "max"])
        try await eventually("both days are stored; \(pipeline.logs)", within: .seconds(40)) {
            try pipeline.count("SELECT SUM(volume) FROM candles WHERE timeframe = '5'") == 2_400
        }
        #expect(try pipeline.history() == Pipeline.begun)
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles_full WHERE timeframe = '5'") == 8)
        #expect(!pipeline.said("ingest-stream", "Feed is silent"))
        try pipeline.expectBlindnessTold()
        try await pipeline.expectCleanEnd()
    }

    @Test func `a subscription beyond the broker's limit is named, and those within it go on`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD, GBP_USD, NZD_USD]\n")
        // The heartbeat is the first of the three. The broker does not name its limit.
        try await pipeline.startAll(simulator: [
            "--speed", "600", "--subscription-limit", "3", "--fault", "no-application",
        ])
        try await eventually("the others have candles; \(pipeline.logs)", within: .seconds(20)) {
            try pipeline.count("SELECT COUNT(DISTINCT pair) FROM candles WHERE timeframe = '5'") == 2
        }
        let refused = try pipeline.rows("SELECT pair, detail FROM feed_event WHERE event = 'instrument refused'")
        #expect(refused.count == 1 && refused.first?[0] as String? == "NZD_USD" && refused.first?[1] as Int? == -1)
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles_full WHERE pair = 'NZD_USD'") == 0)
        #expect(
            pipeline.said(
                "ingest-stream", "Broker refused a subscription, trying again later", "CS.D.NZDUSD.CFD.IP",
                "Subscription limit"))
        try await pipeline.expectCleanEnd()
    }

    @Test func `a broker that refuses to stream for good ends ingest-stream with 69 and one sentence`() async throws {
        let (pipeline, ingest) = try await refused(by: 71)
        #expect(try await ingest.ended(within: .seconds(20)) == 69)
        #expect(
            pipeline.said(
                "ingest-stream", "the broker refuses to stream permanently: code 71 Session refused"))
        #expect(ingest.standardOutput == "")
    }

    @Test(arguments: [
        (5, "Next attempt after a pause"), (35, "Next attempt after a pause"),
        (1, "Broker refused the session tokens, logging in again"),
        (-5, "Broker refused the session tokens, logging in again"),
    ])
    func `a broker that refuses for now is asked again, or left alone for long`(
        code: Int, told: String
    ) async throws {
        let (pipeline, ingest) = try await refused(by: code)
        try await pipeline.told("ingest-stream", told, code > 1 ? "code \(code) Session refused" : "code=\(code)")
        if code == 35 {
            // Someone else uses the account: half a minute at least.
            let pause = ingest.standardError.firstMatch(of: #/milliseconds=(\d+)/#).flatMap { Int($0.1) }
            #expect(try #require(pause) >= 30_000)
        } else {
            try pipeline.fault("clear")
            _ = try await ingest.ready(within: .seconds(20))
        }
        ingest.terminate()
        #expect(try await ingest.ended(within: .seconds(5)) == 0)
    }

    // MARK: Helpers

    private static let candles = "SELECT COUNT(*) FROM candle"

    /// An ingest-stream whose sessions are all refused with this code.
    private func refused(by code: Int) async throws -> (Pipeline, RunningProgram) {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD]\nstream:\n  login_spacing_seconds: 0\n")
        try await pipeline.start("ig-simulator", ["--port", "0", "--fault", "refuse-create=\(code)"])
        return (pipeline, try await pipeline.start("ingest-stream", ready: false))
    }

    private func recorded(_ event: String, in pipeline: Pipeline) async throws {
        try await eventually("\(event) is recorded; \(pipeline.logs)", within: .seconds(30)) {
            try pipeline.events(event) >= 1
        }
    }
}
