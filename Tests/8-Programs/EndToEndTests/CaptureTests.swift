import Foundation
import Host
import IGClient
import MarketData
@testable import Simulation
import Streams
import Testing
import TestKit
import Wire

/// A stream is captured, and the capture is played to a fresh ingest-stream.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct CaptureTests {
    /// The market's records in a journal, in order.
    private struct Told: Equatable {
        let pair: Pair
        let time: UTCNanos
        let bid: Price
        let ask: Price
        let flags: TickFlags
    }

    private let folder = TemporaryFolder()
    private static let seed: UInt64 = 7
    private static let pairs = ["EUR_USD", "NZD_USD"]

    @Test(arguments: [[], ["--fault", "refuse-websocket"]])
    func `a capture that is played leaves the same ticks, and a cut is a cut again`(transport: [String]) async throws {
        let first = try await recorded(
            SteadyFeed.arguments(Self.pairs, seconds: 3_000, in: folder)
                + ["--speed", "max", "--exit-when-done", "--fault", "cut=1500", "--fault", "prog-back=70"] + transport)
        let second = try await played(first.capture, ["--speed", "max"])
        for pipeline in [first.pipeline, second] {
            #expect(try recoveries(pipeline) == 1)
            let sums = try told(pipeline, .tick).reduce(into: [:]) { $0[$1.pair.description, default: 0] += 1 }
            #expect(sums == ["EUR_USD": 3_000, "NZD_USD": 3_000])
        }
        try expectSame(first.pipeline, second)
        // Where one has been cut, the other has.
        #expect(try feed(first.pipeline) == feed(second))
    }

    @Test func `sessions that ended end again, and their snapshots come in their places`() async throws {
        let files = SteadyFeed.arguments(Self.pairs, seconds: 1_500, in: folder)
        let first = try await recorded(files + ["--speed", "300", "--exit-when-done"]) { pipeline in
            for fault in ["end=48", "loop", "refuse-recovery=4 cut"] {
                let count = try feed(pipeline).count
                try pipeline.fault(fault)
                try await eventually("\(fault) is told", within: .seconds(10)) { try feed(pipeline).count >= count + 1 }
                let ticks = try told(pipeline, .tick).count
                try await eventually("ticks go on", within: .seconds(10)) {
                    try told(pipeline, .tick).count > ticks + 100
                }
            }
        }
        let second = try await played(first.capture, ["--speed", "20"])
        try expectSame(first.pipeline, second)
        let events = try feed(second)
        #expect(events == (try feed(first.pipeline)))
        #expect(
            events.filter { $0 == "session replaced" }.count == 2 && events.contains("session preserved"), "\(events)")
    }

    @Test func `a capture holds no secret, and is for its owner only`() async throws {
        let pipeline = pipeline()
        let capture = pipeline.folder.path + "/capture"
        let simulator = try await pipeline.start(
            "ig-simulator",
            ["--port", "0", "--seed", "\(Self.seed)", "--start", "2026-05-12T08:00:00", "--speed", "60"])
        let ingest = try await pipeline.start("ingest-stream", ["--capture", capture])
        // Its tokens are dead: refused, with a new login and a new session.
        try pipeline.fault("expire-tokens refuse-recovery=4 cut")
        try await pipeline.told("ingest-stream", "Logged in again")
        try await eventually("a second session", within: .seconds(15)) { text(capture).contains("CONOK,session-2,") }
        ingest.terminate()
        #expect(try await ingest.ended(within: .seconds(10)) == 0)

        let accounts = Accounts(credentials: .init(), seed: Self.seed)
        let logins = (0..<3).map { _ in accounts.login() }
        let ours = try RESTClient.login(Credentials(environment: Environment(pipeline.variables)))
        #expect(ours.clientToken.reveal() == logins[2].cst)
        let sessions = simulator.standardError.split(separator: "\n").filter { $0.contains("session created") }
            .compactMap { $0.split(separator: " ").first { $0.hasPrefix("session=") }?.dropFirst(8) }.map(String.init)
        #expect(sessions.count >= 2)
        let tokens = logins.prefix(2).flatMap { [$0.cst, $0.accountToken, $0.accountID] }
        let written = text(capture)
        for secret in [Pipeline.apiKey, Pipeline.identifier, Pipeline.password, "mgQkwtwdysogQz2BJ4Ji"] + sessions
            + tokens.map({ String($0.prefix(16)) }) + [
                "CC01112", "CD01112", "LS_user", "LS_password", "LS_cid", "LS_session",
            ]
        where written.contains(secret) {
            Issue.record("\(secret.prefix(7))… stands in the capture")
        }
        #expect(written.contains("LS_group=CHART%3ACS.D.EURUSD.CFD.IP%3ATICK") && written.contains("< U,2,1,"))
        let mode = try FileManager.default.attributesOfItem(atPath: capture)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        simulator.terminate()
    }

    @Test func `a capture that exists is left alone and ends with 64`() async throws {
        let pipeline = pipeline()
        pipeline.variables["IG_REST_URL"] = "http://127.0.0.1:1"
        let path = pipeline.folder.write("mine".utf8, to: "capture")
        let (code, output, errors) = try await pipeline.result("ingest-stream", ["--capture", path])
        #expect(code == 64 && output == "")
        #expect(errors == "ingest-stream: \(path) exists: name a new file for the capture\n")
        #expect(text(path) == "mine")
    }

    @Test(.enabled(if: SmallDisk.isAvailable))
    func `a capture whose disk is full ends with one error, and ticks go on`() async throws {
        let pipeline = pipeline()
        try await SmallDisk.use(for: pipeline, .candles) { disk in
            let capture = pipeline.state + "/journal/candles/capture"
            try await pipeline.start(
                "ig-simulator", ["--port", "0", "--start", "2026-05-12T08:00:00", "--speed", "600", "--rate", "1"])
            try disk.fill()
            try await pipeline.start("ingest-stream", ["--capture", capture])
            try await pipeline.told("ingest-stream", "error", "Capture ended, streaming continues", "No space left")
            let count = try told(pipeline, .tick).count
            try await eventually("ticks go on", within: .seconds(10)) { try told(pipeline, .tick).count > count + 100 }
            let errors = try #require(pipeline.programs["ingest-stream"]).standardError
            #expect(errors.ranges(of: "Capture ended").count == 1)
        }
    }

    @Test(
        arguments: [
            ("", 65, ": empty"), ("candlewick-capture 1\n5 < PRO", 65, ", line 2: the line has no end"),
            ("candlewick-capture 1\n", 65, ": it holds no updates"), (nil, 66, "No such file or directory"),
        ] as [(String?, Int32, String)])
    func `what cannot be played ends with one sentence`(content: String?, code: Int32, reason: String) async throws {
        let pipeline = Pipeline()
        let path = pipeline.folder.path + "/capture"
        if let content { pipeline.folder.write(content.utf8, to: "capture") }
        let result = try await pipeline.result("ig-simulator", ["--port", "0", "--play-capture", path])
        #expect(result.code == code && result.output == "")
        #expect(result.errors.hasPrefix("ig-simulator: \(path)") && result.errors.contains(reason), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    // MARK: Recording and playing

    private func pipeline() -> Pipeline {
        let pipeline = Pipeline()
        pipeline.configure(
            "instruments: [\(Self.pairs.joined(separator: ", "))]\nstream:\n  login_spacing_seconds: 0\n")
        return pipeline
    }

    /// Captures what such a simulator sends until it leaves.
    private func recorded(
        _ arguments: [String], _ meanwhile: (Pipeline) async throws -> Void = { _ in }
    ) async throws -> (pipeline: Pipeline, capture: String) {
        let pipeline = pipeline()
        let capture = pipeline.folder.path + "/capture"
        try await run(pipeline, arguments, ["--capture", capture], meanwhile)
        return (pipeline, capture)
    }

    private func played(_ capture: String, _ arguments: [String]) async throws -> Pipeline {
        let pipeline = pipeline()
        try await run(pipeline, ["--play-capture", capture, "--exit-when-done"] + arguments, []) { _ in }
        return pipeline
    }

    private func run(
        _ pipeline: Pipeline, _ simulator: [String], _ ingest: [String], _ meanwhile: (Pipeline) async throws -> Void
    ) async throws {
        let broker = try await pipeline.start("ig-simulator", ["--port", "0"] + simulator)
        let ingest = try await pipeline.start("ingest-stream", ingest)
        try await meanwhile(pipeline)
        #expect(try await broker.ended() == 0)
        ingest.terminate()
        #expect(try await ingest.ended(within: .seconds(10)) == 0)
    }

    private func expectSame(_ a: Pipeline, _ b: Pipeline) throws {
        for kind in [RecordKind.tick, .clock] {
            let (first, second) = (try told(a, kind), try told(b, kind))
            #expect(first.count == second.count && !first.isEmpty)
            let difference = zip(first, second).first { $0 != $1 }
            #expect(difference == nil, "first difference (captured, played)")
        }
    }

    /// The ticks, or the broker's own clock records; whether they were resent after a cut does not matter.
    private func told(_ pipeline: Pipeline, _ kind: RecordKind) throws -> [Told] {
        try records(pipeline).filter { $0.kind == kind && $0.flags.isDisjoint(with: [.localClock, .predicted]) }.map {
            Told(
                pair: $0.pair, time: $0.brokerTime, bid: $0.bid, ask: $0.ask, flags: $0.flags.subtracting(.recovered))
        }
    }

    /// The events of the whole feed up to the end of the play. (A player may send a pair's snapshot later.)
    private func feed(_ pipeline: Pipeline) throws -> [String] {
        let all = try records(pipeline)
        let last = all.lastIndex { $0.kind == .tick } ?? 0
        return all[...last].compactMap { $0.pair == .none ? $0.feedEvent?.name : nil }
    }

    private func recoveries(_ pipeline: Pipeline) throws -> Int {
        try feed(pipeline).filter { $0 == "session recovered" }.count
    }

    private func records(_ pipeline: Pipeline) throws -> [TickEnvelope] {
        var records: [TickEnvelope] = []
        let journal = try JournalReader(folder: pipeline.state + "/journal/ticks", recordSize: TickEnvelope.byteCount)
        while try journal.read(TickEnvelope.self, { records.append($0) }) > 0 {}
        return records
    }

    private func text(_ path: String) -> String { String(decoding: fileBytes(path), as: UTF8.self) }
}
