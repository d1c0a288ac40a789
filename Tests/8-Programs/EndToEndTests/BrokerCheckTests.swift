import Foundation
import Testing
import TestKit

/// The findings of `ingest-stream --check` about the broker's side of an installation.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct BrokerCheckTests {
    private static let members = ["advice", "check", "finding", "state", "subject"]

    private func pipeline(_ instruments: String = "EUR_USD, USD_JPY") -> Pipeline {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [\(instruments)]\nstream:\n  login_spacing_seconds: 0\n")
        return pipeline
    }

    /// Runs the check with --json.
    private func check(
        _ pipeline: Pipeline, with changes: [String: String?] = [:]
    ) async throws -> (code: Int32, lines: [FindingLine], errors: String) {
        let result = try await pipeline.result("ingest-stream", ["--check", "--json"], with: changes)
        let lines = try result.output.split(separator: "\n").map { line in
            // Each object has these members in this order.
            let places = Self.members.map { line.range(of: "\"\($0)\":")?.lowerBound }
            #expect(places.allSatisfy { $0 != nil } && places.compactMap { $0 } == places.compactMap { $0 }.sorted())
            return try JSONDecoder().decode(FindingLine.self, from: Data(line.utf8))
        }
        for word in [Pipeline.apiKey, Pipeline.identifier, Pipeline.password, "CST-", "CC01112"] {
            #expect(!(result.output + result.errors).contains(word))
        }
        return (result.code, lines, result.errors)
    }

    private func failed(_ lines: [FindingLine]) -> [String] {
        lines.filter { $0.state == "failed" }.map { "\($0.check) \($0.subject): \($0.finding)" }
    }

    @Test func `all is well, and nothing is left behind`() async throws {
        let pipeline = pipeline()
        try await pipeline.start(
            "ig-simulator", ["--port", "0", "--start", "2026-05-12T08:00:00", "--speed", "10", "--rate", "10"])
        let (code, lines, errors) = try await check(pipeline)
        #expect(code == 0 && errors == "", "\(errors)")
        #expect(
            lines.map { "\($0.check) \($0.state)" } == [
                "credentials ok", "rest ok", "login ok", "clock warning", "limit ok", "market ok", "market ok",
                "stream ok",
                "clock warning", "stream ok", "stream ok", "stream ok",
            ])
        let epics = ["CS.D.EURUSD.CFD.IP", "CS.D.USDJPY.CFD.IP"]
        #expect(lines.filter { $0.check == "market" }.map(\.subject) == epics)
        #expect(lines.filter { $0.check == "market" }.allSatisfy { $0.finding.hasSuffix(" is known, TRADEABLE") })
        #expect(lines.suffix(2).map(\.subject) == epics)
        #expect(lines.suffix(3).allSatisfy { $0.finding.hasPrefix("subscribed, first update after ") })
        #expect(lines.filter { $0.state == "warning" }.allSatisfy { !$0.advice.isEmpty })
        #expect(folderNames(pipeline.folder.path) == ["candlewick.yaml"])
    }

    @Test func `it runs beside a running ingest-stream, and the clocks agree where they do`() async throws {
        let pipeline = pipeline()
        let now = ISO8601DateFormatter().string(from: Date()).dropLast()
        try await pipeline.start("ig-simulator", ["--port", "0", "--start", String(now), "--rate", "10"])
        let ingest = try await pipeline.start("ingest-stream")
        let (code, lines, errors) = try await check(pipeline)
        #expect(code == 0 && errors == "", "\(errors)")
        #expect(lines.filter { $0.check == "clock" }.map(\.subject) == ["REST", "heartbeat"])
        for line in lines where line.check == "clock" {
            let difference = try #require(line.finding.split(separator: " ").compactMap { Double($0) }.first)
            #expect(difference < 30 && line.state == (difference <= 2 ? "ok" : "warning"), "\(line)")
        }
        #expect(ingest.isRunning && !ingest.standardError.contains("warning"), "\(ingest.standardError)")
    }

    @Test func `an epic that the broker does not know is reported, and the others are checked`() async throws {
        let pipeline = pipeline("EUR_USD, {pair: GBP_USD, epic: CS.D.GBPXXX.CFD.IP}, USD_JPY, NZD_USD")
        try await pipeline.start(
            "ig-simulator", ["--port", "0", "--start", "2026-05-12T08:00:00", "--speed", "10", "--rate", "10"])
        let (code, lines, errors) = try await check(pipeline)
        #expect(code == 69)
        #expect(errors == "ingest-stream: 2 of 16 checks failed\n")
        #expect(
            failed(lines) == [
                "market CS.D.GBPXXX.CFD.IP: GBP_USD is unknown: error.public-api.epic-not-found",
                "stream CS.D.GBPXXX.CFD.IP: subscription refused: -1 Invalid account type",
            ])
        let known = lines.filter { $0.check == "market" && $0.state == "ok" }.map(\.subject)
        #expect(Set(known) == ["CS.D.EURUSD.CFD.IP", "CS.D.USDJPY.CFD.IP", "CS.D.NZDUSD.CFD.IP"])
        #expect(lines.filter { $0.state == "failed" }.allSatisfy { $0.advice.contains("correct the epic") })
    }

    @Test func `the account's limit is shown, and too many instruments end with 78`() async throws {
        let pipeline = pipeline("EUR_USD, USD_JPY, GBP_USD")
        let walk = ["--port", "0", "--start", "2026-05-12T08:00:00", "--speed", "10", "--rate", "10"]
        try await pipeline.start("ig-simulator", walk + ["--account", "\(Pipeline.identifier)=3"])
        let (code, lines, errors) = try await check(pipeline)
        #expect(code == 78 && errors.contains("GBP_USD would be left out"), "\(errors)")
        #expect(failed(lines) == ["limit items: the account streams 3, 4 are needed"])
        #expect(lines.filter { $0.check == "market" }.count == 3 && !lines.contains { $0.check == "stream" })
    }

    @Test func `an impossible scale is reported`() async throws {
        let pipeline = pipeline("{pair: EUR_USD, epic: CS.D.EURUSD.TODAY.IP}")
        let simulator = try await pipeline.start(
            "ig-simulator", ["--port", "0", "--start", "2026-05-12T08:00:00", "--speed", "10", "--rate", "10"])
        // The market has a price once it has begun.
        _ = try await check(pipeline)
        try await eventually("the play starts") { simulator.standardError.contains("the play starts") }
        let (code, lines, _) = try await check(pipeline)
        #expect(code == 69)
        #expect(failed(lines).count == 1 && failed(lines)[0].hasSuffix(" with scale 1"), "\(failed(lines))")
    }

    @Test func `a wrong password ends with 78 and what to do`() async throws {
        let pipeline = pipeline()
        try await pipeline.start("ig-simulator", ["--port", "0", "--password", "another-password"])
        let (code, lines, errors) = try await check(pipeline)
        #expect(code == 78 && errors == "ingest-stream: the broker refuses the credentials\n")
        #expect(lines.map(\.check) == ["credentials", "login"])
        #expect(lines.last?.finding == "refused with 401 error.security.invalid-details")
        #expect(lines.last?.advice == "user name or password is wrong (IG_USERNAME, IG_PASSWORD)")
    }

    @Test(arguments: ["IG_API_KEY", "IG_USERNAME", "IG_PASSWORD"])
    func `a missing credential is named and ends with 78`(variable: String) async throws {
        let (code, lines, _) = try await check(
            pipeline(), with: [variable: nil, "IG_REST_URL": "http://127.0.0.1:1"])
        #expect(code == 78 && lines.count == 1)
        #expect(lines.first?.subject == variable && lines.first?.finding == "\(variable) is not set")
    }

    @Test func `a broker that is not there ends with 69, for people too`() async throws {
        let pipeline = pipeline()
        pipeline.variables["IG_REST_URL"] = "http://127.0.0.1:1"
        let (code, output, _) = try await pipeline.result("ingest-stream", ["--check"])
        #expect(code == 69)
        let lines = output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].hasPrefix("failed   rest http://127.0.0.1:1: no answer: "), "\(output)")
        #expect(lines.last == "         -> check the network, and IG_REST_URL if it is set")
    }

    @Test func `a missing stream, and one without WebSockets, have different findings`() async throws {
        for (arguments, state, code) in [
            (["--stream-url", "http://127.0.0.1:1"], "failed", 69), (["--fault", "refuse-websocket"], "warning", 0),
        ] {
            let pipeline = pipeline("EUR_USD")
            let walk = ["--port", "0", "--start", "2026-05-12T08:00:00", "--speed", "10", "--rate", "10"]
            try await pipeline.start("ig-simulator", walk + arguments)
            let result = try await check(pipeline)
            #expect(result.code == Int32(code))
            #expect(result.lines.first { $0.check == "stream" }?.state == state, "\(result.lines)")
        }
    }

    @Test func `it waits where the last login is too recent, and a stop ends that`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD]\n")
        try await pipeline.start("ig-simulator", ["--port", "0", "--start", "2026-05-12T08:00:00"])
        try FileManager.default.createDirectory(atPath: pipeline.state, withIntermediateDirectories: true)
        TemporaryFolder.overwrite("\(pipeline.state)/last-login", [])
        let check = try pipeline.launch("ingest-stream", ["--check"])
        try await eventually("it says so", within: .seconds(10)) {
            check.standardError.contains("Waiting: the last login is too recent")
                && check.standardError.contains("seconds=6")
        }
        check.terminate()
        #expect(try await check.ended(within: .seconds(5)) == 75)
    }
}
