import Foundation
import MarketData
import Streams
import Testing
import TestKit
import Wire

/// The subscriber of `python/examples/tap.py`, which decodes ticks by `struct` alone.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct TapTests {
    /// A Python that has pyzmq; `scripts/bootstrap --tests` installs it for the system's.
    private static let python: String? = {
        let path = ProcessInfo.processInfo.environment["CANDLEWICK_PYTHON"] ?? "/usr/bin/python3"
        let check = Process()
        check.executableURL = URL(fileURLWithPath: path)
        check.arguments = ["-c", "import zmq"]
        check.standardError = FileHandle.nullDevice
        guard (try? check.run()) != nil else { return nil }  // No such Python: the test is skipped.
        check.waitUntilExit()
        return check.terminationStatus == 0 ? path : nil
    }()

    private static let script = Golden.folder.replacing("/Tests/Golden", with: "/python/examples/tap.py")

    @Test(.enabled(if: python != nil, "no pyzmq: scripts/bootstrap --tests installs it"))
    func `a ten-line Python subscriber prints the ticks of the journal, price for price`() async throws {
        let python = try #require(Self.python)
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD, USD_JPY]\n")
        try await pipeline.start("ig-simulator", ["--port", "0", "--speed", "60", "--start", "2026-05-12T08:00:00"])
        let all = try pipeline.launch(python, [Self.script])
        let endpoint = "ipc://\(pipeline.folder.path)/run/ticks.ipc"
        let one = try pipeline.launch(python, [Self.script, endpoint, "USD_JPY"])
        try await pipeline.start("ingest-stream")
        try await eventually("300 ticks are printed: \(all.standardError)", within: .seconds(20)) {
            lines(all).count >= 300 && lines(one).count >= 100
        }
        all.kill()
        one.kill()
        #expect(try await pipeline.stop().values.allSatisfy { $0 == 0 })

        let journal = try journalLines(pipeline)
        try expectStretch(lines(all), of: journal)
        try expectStretch(lines(one), of: journal.filter { $0.hasPrefix("USD_JPY ") })
        #expect(Set(lines(all).map { $0.prefix(7) }) == ["EUR_USD", "USD_JPY"])
    }

    /// Far more ticks than a subscriber's queue takes, while neither tap nor aggregator reads one.
    @Test(.enabled(if: python != nil, "no pyzmq: scripts/bootstrap --tests installs it"))
    func `a tap that never reads costs bounded memory, and a slow aggregator catches up`() async throws {
        let pipeline = Pipeline()
        pipeline.configure(
            "instruments: [EUR_USD]\nstream:\n  login_spacing_seconds: 0\njournal:\n  retention_days: 0\n")
        let count = 900_000
        let files = SteadyFeed.arguments(seconds: count, in: pipeline.folder)
        try await pipeline.start("ig-simulator", ["--port", "0", "--speed", "max"] + files)
        try await pipeline.start("store-writer")
        let aggregator = try await pipeline.start("aggregator")
        let tap = try pipeline.launch(try #require(Self.python), [Self.script])
        let ingest = try await pipeline.start("ingest-stream")
        try await eventually("the tap reads", within: .seconds(20)) { lines(tap).count > 0 }
        for program in [tap, aggregator] { kill(program.processID, SIGSTOP) }

        // The publisher does not wait for readers.
        let journal = try JournalReader(folder: pipeline.state + "/journal/ticks", recordSize: TickEnvelope.byteCount)
        var ticks = 0
        try await eventually("all ticks are in the journal; \(pipeline.logs)", within: .seconds(60)) {
            while try journal.read(TickEnvelope.self, { ticks += $0.kind == .tick ? 1 : 0 }) > 0 {}
            return ticks >= count
        }
        let peak = try #require(peakMemory(ingest.processID))
        #expect(peak < 128 << 20, "ingest-stream took \(peak >> 20) MiB")
        kill(aggregator.processID, SIGCONT)
        // The last interval stays open.
        try await SteadyFeed.expectWhole(pipeline, ticks: count - count % 300)
        kill(tap.processID, SIGCONT)
        tap.kill()
        try await pipeline.expectCleanEnd()
    }

    /// The most resident memory that a process had, in bytes.
    private func peakMemory(_ process: Int32) -> Int? {
        String(decoding: fileBytes("/proc/\(process)/status"), as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("VmHWM:") }?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map {
                $0 << 10
            }
    }

    /// The lines that are printed whole.
    private func lines(_ program: RunningProgram) -> [String] {
        program.standardOutput.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// From the first printed line on, every line of the journal stands there, in order, and nothing else.
    private func expectStretch(_ printed: [String], of journal: [String]) throws {
        let first = try #require(printed.first)
        let start = try #require(journal.firstIndex(of: first), "the journal has no such tick: \(first)")
        #expect(Array(journal[start...].prefix(printed.count)) == printed)
    }

    /// The ticks of the journal in the script's form.
    private func journalLines(_ pipeline: Pipeline) throws -> [String] {
        var lines: [String] = []
        let journal = try JournalReader(folder: pipeline.state + "/journal/ticks", recordSize: TickEnvelope.byteCount)
        let read = { (tick: TickEnvelope) in
            guard tick.kind == .tick else { return }
            lines.append(
                """
                \(tick.pair) \(tick.position) \(tick.brokerTime.rawValue) \(tick.receiveTime.rawValue) \
                \(decimal(tick.bid)) \(decimal(tick.ask)) \(tick.flags.rawValue)
                """)
        }
        while try journal.read(TickEnvelope.self, read) > 0 {}
        return lines
    }

    /// Written out here once more, so that a mistake in `Price` is seen too.
    private func decimal(_ price: Price) -> String {
        let places = String(price.rawValue % 1_000_000_000 + 1_000_000_000).dropFirst()
        let fraction = places.reversed().drop { $0 == "0" }.reversed()
        let whole = String(price.rawValue / 1_000_000_000)
        return fraction.isEmpty ? whole : "\(whole).\(String(fraction))"
    }
}
