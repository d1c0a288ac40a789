import Foundation
import Testing
import TestKit

/// The daemons under a supervisor that speaks systemd's notify protocol. The installed units under a real systemd:
/// `scripts/check-systemd`.
@Suite(.serialized) struct SupervisionTests {
    private let pipeline = Pipeline()
    private let supervisor: TestSupervisor

    init() {
        supervisor = TestSupervisor(folder: pipeline.folder)
        pipeline.configure("instruments: [EUR_USD]\ntimeframes: [1m]\n")
    }

    private func startSupervised(_ stage: String, ready: Bool = true) async throws -> RunningProgram {
        pipeline.variables.merge(supervisor.environment(watchdogMilliseconds: 1_000)) { $1 }
        return try await pipeline.start(stage, ready: ready)
    }

    /// Ready once, pings from a loop that only waits, none from one that stands, pings again, and its goodbye.
    private func watch(_ program: RunningProgram, workThread: String?) async throws {
        try await eventually("\(program.name) is ready") { supervisor.count("READY=1") == 1 }
        try await pings("while there is nothing to do")
        let held = try HeldThread(of: program, named: workThread)
        // Datagrams sent before the thread stood have arrived: datagrams on one machine do not travel.
        let before = supervisor.count("WATCHDOG=1")
        let limit = ContinuousClock.now + .seconds(2)
        try await eventually("two of its limits have passed") { ContinuousClock.now > limit }
        #expect(supervisor.count("WATCHDOG=1") == before, "a ping from a loop that stands")
        held.release()
        try await pings("when the loop goes on")
        program.terminate()
        #expect(try await program.ended() == 0)
        #expect(supervisor.count("STOPPING=1") == 1)
        #expect(supervisor.count("READY=1") == 1)
    }

    private func pings(_ when: String) async throws {
        let before = supervisor.count("WATCHDOG=1")
        try await eventually("it pings \(when)") { supervisor.count("WATCHDOG=1") >= before + 3 }
    }

    @Test(arguments: ["aggregator", "store-writer"])
    func `the loop that works feeds the watchdog`(stage: String) async throws {
        let program = try await startSupervised(stage)
        try await watch(program, workThread: nil)
    }

    @Test func `the loop that appends ticks feeds the watchdog of ingest-stream`() async throws {
        try await pipeline.start("ig-simulator", ["--seed", "3"])
        let program = try await startSupervised("ingest-stream")
        try await watch(program, workThread: "NIO")
    }

    @Test func `ingest-stream is ready while the broker is out of reach, and says that it waits`() async throws {
        pipeline.variables["IG_REST_URL"] = "http://127.0.0.1:9/gateway/deal"
        let program = try await startSupervised("ingest-stream", ready: false)
        try await eventually("it is ready") { supervisor.count("READY=1") == 1 }
        #expect(supervisor.messages.contains { $0.hasPrefix("STATUS=waiting for the broker: next login in ") })
        try await pings("while it waits")
        program.terminate()
        #expect(try await program.ended() == 0)
    }

    @Test func `a refused configuration is never ready`() async throws {
        pipeline.configure("timeframes: [7m]\n")
        pipeline.variables.merge(supervisor.environment(watchdogMilliseconds: 1_000)) { $1 }
        #expect(try await pipeline.result("aggregator").code == 78)
        #expect(supervisor.count("READY=1") == 0)
    }
}
