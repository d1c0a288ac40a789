import Testing
import TestKit

/// A permanent fault is reported in one line, with the exit code that keeps a supervisor from trying again.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct RefusalTests {
    @Test func `a wrong password ends ingest-stream after one login with one line that says so`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("stream:\n  login_spacing_seconds: 0\n")
        let simulator = try await pipeline.start("ig-simulator", ["--port", "0", "--password", "another-password"])
        let (code, output, errors) = try await pipeline.result("ingest-stream")
        #expect(code == 78)
        #expect(output == "")
        let lines = errors.split(separator: "\n")
        #expect(lines.count == 1 && lines[0].contains("user name or password is wrong"), "\(errors)")
        simulator.terminate()
        #expect(try await simulator.ended() == 0)
        #expect(simulator.standardError.ranges(of: "request refused").count == 1)
    }

    @Test(arguments: ["IG_API_KEY", "IG_USERNAME", "IG_PASSWORD"])
    func `a missing credential is named`(variable: String) async throws {
        let pipeline = Pipeline(extra: ["IG_REST_URL": "http://127.0.0.1:1"])
        let (code, _, errors) = try await pipeline.result("ingest-stream", with: [variable: nil])
        #expect(code == 78)
        #expect(errors.contains("\(variable) is not set"))
        #expect(errors.split(separator: "\n").count == 1)
    }

    @Test(arguments: ["ingest-stream", "aggregator", "store-writer"])
    func `an error in the configuration is refused with its file and line`(program: String) async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD]\ngrace_millis: 10\n")
        let (code, _, errors) = try await pipeline.result(program)
        #expect(code == 78)
        #expect(errors.contains("candlewick.yaml:2: unknown key 'grace_millis'"), "\(errors)")
    }

    @Test func `more instruments than the broker allows are refused with a sentence`() async throws {
        let pipeline = Pipeline()
        try await pipeline.start("ig-simulator", ["--port", "0"])
        let letters = "ABCDEFGH"
        let names = letters.flatMap { first in letters.prefix(5).map { "X\(first)\($0)" } }
        let instruments = names.map { "{pair: \($0), epic: IX.D.\($0).CFD.IP}" }
        pipeline.configure("instruments: [\(instruments.joined(separator: ", "))]\n")
        let (code, _, errors) = try await pipeline.result("ingest-stream")
        #expect(code == 78)
        #expect(errors.contains("40 instruments need 41 items"), "\(errors)")
        #expect(
            errors.contains("the account streams 40: XHE would be left out. 1 more collector is needed"), "\(errors)")
    }

    @Test(arguments: ["ingest-stream", "aggregator", "store-writer", "ig-simulator", "candlewick"])
    func `an unknown argument ends with 64 and shows how it is meant`(program: String) async throws {
        let (code, _, errors) = try await Pipeline().result(program, ["--no-such-thing"])
        #expect(code == 64)
        #expect(errors.contains("--no-such-thing") && errors.contains("Usage:"))
    }

    @Test func `a second process of a stage ends with 75 and names the first one`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD]\n")
        try await pipeline.startAll(simulator: [])
        for name in ["ingest-stream", "aggregator", "store-writer"] {
            let first = try #require(pipeline.programs[name])
            let (code, output, errors) = try await pipeline.result(name)
            #expect(code == 75, "\(name)")
            #expect(errors.contains("process \(first.processID) holds "), "\(errors)")
            #expect(output == "")
            #expect(first.isRunning)
        }
        try await pipeline.expectCleanEnd()
    }

    private static let complaint = "Login failed, trying again until it succeeds"

    @Test func `a broker that cannot be reached is waited for`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD]\nstream:\n  login_spacing_seconds: 0\n")
        let simulator = try await pipeline.start("ig-simulator", ["--port", "0"])
        let port = try #require(pipeline.variables["IG_REST_URL"]?.split(separator: ":").last?.prefix { $0 != "/" })
        simulator.terminate()
        _ = try await simulator.ended(within: .seconds(10))

        let ingest = try await pipeline.start("ingest-stream", ready: false)
        try await eventually("it says so", within: .seconds(10)) { ingest.standardError.contains(Self.complaint) }
        try await pipeline.start("ig-simulator", ["--port", String(port)])
        _ = try await ingest.ready(within: .seconds(15))
        ingest.terminate()
        #expect(try await ingest.ended(within: .seconds(5)) == 0)
    }

    @Test func `failing logins are said once, and a stop is obeyed between them`() async throws {
        let server = ClosingServer()
        let pipeline = Pipeline(extra: ["IG_REST_URL": "http://127.0.0.1:\(server.port)"])
        pipeline.configure("stream:\n  login_spacing_seconds: 0\n")
        let ingest = try await pipeline.start("ingest-stream", ready: false)
        try await eventually("it tries again", within: .seconds(15)) {
            server.turnAway()
            return server.count >= 2
        }
        ingest.terminate()
        #expect(try await ingest.ended(within: .seconds(5)) == 0)
        #expect(ingest.standardError.ranges(of: Self.complaint).count == 1)
    }

    @Test(arguments: ["ingest-stream", "aggregator", "store-writer"])
    func `a runtime folder too long for a socket is refused with its length`(program: String) async throws {
        let pipeline = Pipeline(extra: ["IG_REST_URL": "http://127.0.0.1:1"])
        let long = pipeline.folder.path + "/" + String(repeating: "r", count: 100)
        let (code, _, errors) = try await pipeline.result(program, with: ["CANDLEWICK_RUNTIME_DIR": long])
        #expect(code == 78)
        #expect(errors.contains("the limit is 107: set a shorter CANDLEWICK_RUNTIME_DIR"), "\(errors)")
    }

    @Test func `a refused epic is named and left out while the others go on`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD, GBP_USD, NZD_USD]\n")
        try await pipeline.startAll(simulator: ["--fault", "refuse-epic=CS.D.GBPUSD.CFD.IP", "--speed", "600"])
        try await eventually("the others have candles; \(pipeline.logs)", within: .seconds(20)) {
            try pipeline.count("SELECT COUNT(DISTINCT pair) FROM candles WHERE timeframe = '5'") == 2
        }
        let refusals = try #require(pipeline.programs["ingest-stream"]).standardError.split(separator: "\n")
            .filter { $0.contains("Broker refused a subscription, trying again later") }
        #expect(refusals.count == 1 && refusals[0].contains("CS.D.GBPUSD.CFD.IP"))
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles_full WHERE pair = 'GBP_USD'") == 0)
        let event = "SELECT COUNT(*) FROM feed_event WHERE event = 'instrument refused' AND pair = 'GBP_USD'"
        #expect(try pipeline.count(event) == 1)
        try await pipeline.expectCleanEnd()
    }
}
