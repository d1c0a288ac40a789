import Foundation
import Host
import IGClient
@testable import Simulation
import Testing
import TestKit

@Suite(.serialized, .timeLimit(.minutes(1)))
struct SecretsTests {
    private static let wrongPassword = "wrong-pass-word-88"
    private static let seed: UInt64 = 7

    @Test func `no credential and no token stands in any output, file or command line`() async throws {
        let pipeline = Pipeline(logLevel: "trace")
        pipeline.configure(
            "instruments: [EUR_USD, GBP_USD, NZD_USD]\nstream:\n  login_spacing_seconds: 0\n")
        try await pipeline.startAll(simulator: [
            "--seed", "\(Self.seed)", "--password", Pipeline.password, "--speed", "600",
            "--fault", "refuse-epic=CS.D.GBPUSD.CFD.IP",
        ])
        let ingest = try #require(pipeline.programs["ingest-stream"])
        try pipeline.fault("cut")
        try await said(ingest, "Session recovered")
        // The session is lost, its tokens are dead: a new login and a new session.
        try pipeline.fault("expire-tokens refuse-recovery=4 cut")
        try await said(ingest, "Logged in again")
        try await eventually("the session is replaced; \(pipeline.logs)", within: .seconds(15)) {
            try pipeline.events("session replaced") >= 1
        }
        let other = [
            "CANDLEWICK_STATE_DIR": pipeline.folder.path + "/state-2", "IG_PASSWORD": Self.wrongPassword,
            "CANDLEWICK_RUNTIME_DIR": pipeline.folder.path + "/run-2",
        ]
        let refused = try await pipeline.result("ingest-stream", ["--log-level", "trace"], with: other)
        #expect(refused.code == 78)
        try await Payrolls.begun(pipeline, candles: 4)
        let tokens = try tokensGiven(pipeline)
        let stages = ["ingest-stream", "aggregator", "store-writer"]
        var texts = [("second ingest-stream", refused.output + refused.errors)]
        for name in stages {
            let program = try #require(pipeline.programs[name])
            let line = fileBytes("/proc/\(program.processID)/cmdline")
            #expect(!line.isEmpty)
            texts.append(("command line of \(name)", String(decoding: line, as: UTF8.self)))
        }
        let status = try await pipeline.result("candlewick", ["status", "--json"])
        texts.append(("status", status.output + status.errors))
        try await pipeline.expectCleanEnd()
        for name in stages {
            let program = try #require(pipeline.programs[name])
            try await eventually("its output is read", within: .seconds(5)) { program.isRead }
            texts.append(("output of \(name)", program.standardOutput + program.standardError))
        }
        let known = [Pipeline.apiKey, Pipeline.identifier, Pipeline.password, Self.wrongPassword]
        expectNone(of: known + tokens, in: texts.map { ($0, Array($1.utf8)) } + files(pipeline.folder.path))
    }

    @Test func `no secret of candlewick-watch and candlewick-web stands in any output, file or command line`()
        async throws
    {
        let receiver = ClosingServer()
        let pipeline = Pipeline(logLevel: "trace")
        pipeline.configure(
            """
            instruments: [EUR_USD]
            stream: {login_spacing_seconds: 0}
            web: {listen: '127.0.0.1:0'}
            watch: {every_seconds: 1, hold_seconds: 0, ping_seconds: 1, least: warning}
            """)
        let (url, bearer, ping) = ("known-hook-token-31", "known-bearer-token-42", "known-ping-token-53")
        let (webToken, wrongToken) = ("known-web-token-6464", "wrong-web-token-7575")
        // At this speed the first candle does not come in time: a finding that is told, and refused.
        try await pipeline.startAll(simulator: [
            "--seed", "\(Self.seed)", "--password", Pipeline.password, "--speed", "1",
        ])
        let watch = try pipeline.launch(
            "candlewick-watch", ["--log-level", "trace"],
            with: [
                "CANDLEWICK_WATCH_URL": "http://127.0.0.1:\(receiver.port)/\(url)", "CANDLEWICK_WATCH_TOKEN": bearer,
                "CANDLEWICK_WATCH_PING_URL": "http://127.0.0.1:\(receiver.port)/\(ping)",
            ])
        let web = try pipeline.launch(
            "candlewick-web", ["--log-level", "trace"], with: ["CANDLEWICK_WEB_TOKEN": webToken])
        let address = try #require(try await web.ready()["address"])
        #expect(try get(address, "/healthz", token: webToken) == 200)
        for path in ["/healthz", "/api/v1/status", "/no/such"] {
            #expect(throws: (any Error).self) { try get(address, path, token: wrongToken) }
        }
        try await eventually("a message is refused: \(watch.standardError.suffix(2_000))", within: .seconds(30)) {
            receiver.turnAway()
            return watch.standardError.contains("Message not taken")
        }
        var texts: [(String, String)] = []
        for program in [watch, web] {
            let line = fileBytes("/proc/\(program.processID)/cmdline")
            #expect(!line.isEmpty)
            texts.append(("command line of \(program.name)", String(decoding: line, as: UTF8.self)))
            program.terminate()
            #expect(try await program.ended(within: .seconds(20)) == 0)
            try await eventually("its output is read", within: .seconds(5)) { program.isRead }
            texts.append(("output of \(program.name)", program.standardOutput + program.standardError))
        }
        _ = try await pipeline.stop()
        let found = files(pipeline.folder.path)
        #expect(found.contains { $0.name.hasSuffix("/state/watch/memory.json") })
        expectNone(of: [url, bearer, ping, webToken, wrongToken], in: texts.map { ($0, Array($1.utf8)) } + found)
    }

    /// The status of an answer from 200 to 299.
    private func get(_ address: String, _ path: String, token: String) throws -> Int {
        var request = RESTRequest(.get, path, version: 1)
        request.headers = [("Authorization", Secret("Bearer \(token)"))]
        return try RESTClient(base: address, apiKey: Secret("none")).send(request).status
    }

    private func said(_ program: RunningProgram, _ text: String) async throws {
        try await eventually("it says \(text): \(program.standardError.suffix(2_000))", within: .seconds(15)) {
            program.standardError.contains(text)
        }
    }

    /// The tokens of the two logins. The simulator draws them from its seed; that these are they is shown
    /// by the next one, which is ours.
    private func tokensGiven(_ pipeline: Pipeline) throws -> [String] {
        let accounts = Accounts(credentials: .init(), seed: Self.seed)
        let logins = (0..<3).map { _ in accounts.login() }
        let ours = try RESTClient.login(Credentials(environment: Environment(pipeline.variables)))
        #expect(ours.clientToken.reveal() == logins[2].cst)
        #expect(ours.accountToken.reveal() == logins[2].accountToken)
        // Their beginnings, so that a shortened one is found too.
        return logins.flatMap { [$0.cst, $0.accountToken] }.map { String($0.prefix(16)) }
    }

    private func files(_ folder: String) -> [(name: String, bytes: [UInt8])] {
        let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        let found = all.map { (name: "\(folder)/\($0)", bytes: fileBytes("\(folder)/\($0)")) }.filter {
            !$0.bytes.isEmpty
        }
        for needed in ["/state/candlewick.db", "/state/candlewick.db.lock", "/state/journal/ticks/writer.lock"] {
            #expect(found.contains { $0.name == folder + needed }, "\(needed) was not looked at: \(found.map(\.name))")
        }
        #expect(found.count >= 8)
        return found
    }

    private func expectNone(of secrets: [String], in places: [(name: String, bytes: [UInt8])]) {
        for (name, bytes) in places {
            let data = Data(bytes)
            // Every token of the simulator ends like this, as those of the broker do.
            for secret in secrets + ["CC01112", "CD01112"] where data.range(of: Data(secret.utf8)) != nil {
                Issue.record("\(secret.prefix(7))… stands in \(name)")
            }
        }
    }
}
