import Foundation
import Host
import IGClient
import TestKit
import Testing

/// `candlewick run`: the pipeline without systemd.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct RunTests {
    private let folder = TemporaryFolder()
    private var state: String { "\(folder.path)/state" }

    private func run(_ arguments: [String], environment: [String: String] = [:]) throws -> RunningProgram {
        try RunningProgram("candlewick", ["run", "--state", state] + arguments, environment: environment)
    }

    private func simulated(_ arguments: [String] = []) throws -> RunningProgram {
        try run(["--simulated", "--plain", "--no-web"] + arguments)
    }

    /// A simulated run that has stored candles.
    private func begun() async throws -> RunningProgram {
        let program = try simulated()
        try await shows("candles of 28 pairs", program)
        return program
    }

    private func shows(_ text: String, _ program: RunningProgram) async throws {
        try await eventually("it shows '\(text)': \(program.standardOutput) \(program.standardError)") {
            if program.standardOutput.contains(text) { return true }
            guard program.isRunning else { throw TimeOut(description: "it ended: \(program.standardError)") }
            return false
        }
    }

    /// The running programs of the run, by name, with their environment.
    private var processes: [String: (id: Int32, environment: String)] {
        var found: [String: (Int32, String)] = [:]
        for id in folderNames("/proc").compactMap({ Int32($0) }) {
            let environment = String(decoding: fileBytes("/proc/\(id)/environ"), as: UTF8.self)
            guard environment.contains("CANDLEWICK_STATE_DIR=\(state)\0") else { continue }
            let name = String(decoding: fileBytes("/proc/\(id)/comm"), as: UTF8.self)
            found[name.trimmingCharacters(in: .newlines)] = (id, environment)
        }
        return found
    }

    private let stages = ["aggregator", "ig-simulator", "ingest-stream", "store-writer"]

    private func expectNothingLeft() async throws {
        try await eventually("no program is left", within: .seconds(10)) { processes.isEmpty }
    }

    @Test func `a simulated run stores candles of all pairs and ends by itself`() async throws {
        let program = try simulated(["--for", "6s"])
        #expect(try await program.ended() == 0, "\(program.standardError)")
        try await eventually("all is read") { program.isRead }
        #expect(program.standardOutput.hasSuffix("candles of 28 pairs stored in \(state)/candlewick.db\n"))
        #expect(program.standardOutput.contains("export CANDLEWICK_STATE_DIR=\(state) "))
        try await expectNothingLeft()
    }

    @Test func `the page of a run shows its address and answers`() async throws {
        let program = try run(["--simulated", "--plain", "--web"])
        try await shows("Page: http://127.0.0.1:", program)
        let page = program.standardOutput.firstMatch(of: #/Page: (\S+)/#)
        let address = String(try #require(page).1)
        let client = RESTClient(base: address, apiKey: Secret("none"))
        #expect(try client.send(RESTRequest(.get, "/healthz", version: 1)).status == 200)
        program.terminate()
        _ = try await program.ended()
        try await expectNothingLeft()
    }

    @Test(arguments: [["--speed", "0"], ["--speed", "fast"], ["--for", "0"], ["--seed", "x"], ["more"]])
    func `wrong arguments leave the state of the last run`(arguments: [String]) async throws {
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        folder.write([], to: "state/simulated-run")
        folder.write("rows".utf8, to: "state/candlewick.db")
        let program = try simulated(arguments)
        #expect(try await program.ended() == 64)
        #expect(fileBytes("\(state)/candlewick.db") == Array("rows".utf8))
    }

    @Test func `a stage that dies ends the run, which names it and its exit code`() async throws {
        let program = try await begun()
        kill(try #require(processes["aggregator"]).id, SIGKILL)
        #expect(try await program.ended() == 69)
        try await eventually("all is read") { program.isRead }
        let errors = program.standardError
        #expect(errors.contains("aggregator ended early with exit code 137 (killed by signal 9); its last lines"))
        #expect(errors.hasSuffix("candlewick: ended early: aggregator\n"))
        try await expectNothingLeft()
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func `a signal ends all programs in order, and a second one changes nothing`(signal: Int32) async throws {
        let program = try await begun()
        kill(program.processID, signal)
        kill(program.processID, signal)
        #expect(try await program.ended() == 0, "\(program.standardError)")
        #expect(program.standardError == "")
        try await expectNothingLeft()
    }

    @Test func `a run that is killed leaves no program`() async throws {
        let program = try await begun()
        #expect(processes.keys.sorted().filter { $0 != "candlewick" } == stages)
        program.kill()
        try await expectNothingLeft()
    }

    @Test func `a second run in the same folder is refused, and the first goes on`() async throws {
        let first = try await begun()
        let second = try simulated()
        #expect(try await second.ended() == 75)
        #expect(second.standardError.contains("process \(first.processID) is a simulated run in \(state)"))
        #expect(processes.keys.sorted().filter { $0 != "candlewick" } == stages)
        first.terminate()
        #expect(try await first.ended() == 0)
    }

    @Test func `after a wrong password, corrected at once, a run says how long its login waits`() async throws {
        let pipeline = Pipeline()
        try await pipeline.start("ig-simulator", ["--port", "0", "--speed", "300", "--password", "right"])
        let configuration = folder.write("stream: {login_spacing_seconds: 4}\n".utf8, to: "candlewick.yaml")
        var environment = [
            "CANDLEWICK_CONFIG": configuration, "IG_REST_URL": try #require(pipeline.variables["IG_REST_URL"]),
            "IG_API_KEY": "key", "IG_USERNAME": "user", "IG_PASSWORD": "wrong-one",
        ]
        let refused = try run(["--plain", "--no-web"], environment: environment)
        #expect(try await refused.ended() == 78)
        #expect(refused.standardError.contains("refused: "))

        environment["IG_PASSWORD"] = "right"
        let program = try run(["--plain", "--no-web"], environment: environment)
        try await shows("ingest-stream: waiting for the broker: next login in ", program)
        try await shows(" s, since logins keep 4 s apart\n", program)
        try await shows("ingest-stream streaming", program)
        let running = processes
        #expect(running["ingest-stream"]?.environment.contains("IG_PASSWORD=right\0") == true)
        for name in ["aggregator", "store-writer"] {
            for secret in ["IG_API_KEY", "IG_USERNAME", "IG_PASSWORD"] {
                #expect(running[name]?.environment.contains(secret) == false, "\(name)")
            }
        }
        let log = String(decoding: fileBytes("\(state)/logs/ingest-stream.log"), as: UTF8.self)
        #expect(log.contains("Logins keep apart: waiting before the next apartSeconds=4 leftSeconds="))
        program.terminate()
        _ = try await program.ended()
        try await expectNothingLeft()
    }

    @Test func `a run beside a stage in the same folder is refused, and names the stage`() async throws {
        let pipeline = Pipeline()
        let writer = try await pipeline.start("store-writer")
        let result = try await pipeline.result("candlewick", ["run", "--plain"])
        #expect(result.code == 75)
        #expect(
            result.errors
                == "candlewick: store-writer (process \(writer.processID)) works in \(pipeline.state): stop it, or name another folder by --state\n"
        )
    }
}
