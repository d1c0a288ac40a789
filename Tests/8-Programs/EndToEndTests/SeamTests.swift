import Foundation
import Testing
import TestKit

/// What the tools show before the journals' closed segments are archived and dropped, and after it.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct SeamTests {
    /// Each command's arguments, and what its output must hold.
    private static let commands: [([String], String)] = [
        (["explain", "EUR_USD", "2014-05-02T12:30", "--ticks"], "ticks  "),
        (["verify"], "candles compared: all equal"),
        (["verify", "--since", "2014-05-02T12:45"], "since 2014-05-02 12:45:00 UTC compared: all equal"),
        (["tap", "ticks", "--from", "oldest", "--count", "20000"], "EUR_USD"),
        (["tap", "candles", "--from", "3", "--count", "5", "--json"], "\"position\":3,"),
        (["export", "ticks", "--events"], "blind ended"),
        (
            ["export", "ticks", "NZD_USD", "--since", "2014-05-02T12:30", "--until", "2014-05-02T12:31", "--json"],
            "NZD_USD"
        ),
        (["export"], "EUR_USD,5,"),
    ]

    @Test func `every tool shows the same out of the archive as out of the journal`() async throws {
        let pipeline = Pipeline()
        pipeline.configure(
            """
            instruments: [EUR_USD, NZD_USD]
            stream:
              login_spacing_seconds: 0
            journal:
              segment_records: 1024
              retention_days: 0

            """)
        let folder = Golden.folder + "/payrolls"
        let files = ["EUR_USD", "NZD_USD"].flatMap { ["--ticks", "\($0)=\(folder)/\($0).csv.gz"] }
        try await pipeline.startAll(simulator: files + ["--speed", "max", "--exit-when-done"])
        try await Payrolls.expectExact(pipeline)
        #expect(try await pipeline.stop().values.allSatisfy { $0 == 0 })

        let before = try await outputs(pipeline)
        for ((arguments, words), output) in zip(Self.commands, before) {
            #expect(output.contains(words), "\(arguments): \(output.prefix(500))")
        }
        #expect(try await output(pipeline, ["export", "candles"]) == before.last, "export alone is export candles")
        _ = try await output(pipeline, ["archive", "run"])
        for stream in ["ticks", "candles"] {
            let journal = "\(pipeline.state)/journal/\(stream)"
            TemporaryFolder.dropClosedSegments(of: journal)
        }
        for ((arguments, former), new) in zip(zip(Self.commands.map(\.0), before), try await outputs(pipeline)) {
            #expect(former == new, "\(arguments): \(new.prefix(500))")
        }
        try await expectReplay(pipeline)
        try await expectFile(pipeline)
        let (code, _, errors) = try await pipeline.result("candlewick", ["export", "ticks", "GBP_USD"])
        #expect(code == 69)
        #expect(errors == "candlewick: there is no tick of GBP_USD: there are ticks of EUR_USD, NZD_USD\n")
    }

    /// The state folder itself is a recording.
    private func expectReplay(_ pipeline: Pipeline) async throws {
        let run = pipeline.folder.path + "/replay"
        let (code, output, errors) = try await pipeline.result(
            "candlewick", ["replay", pipeline.state, "--runtime-dir", run, "--speed", "max", "--stream", "ticks"])
        #expect(code == 0, "\(errors)")
        #expect(output.contains("records published"))
        let ticks = ["export", "ticks", "--events"]
        let played = try await pipeline.result("candlewick", ticks, with: ["CANDLEWICK_STATE_DIR": run + "/state"])
        #expect(try await self.output(pipeline, ticks) == played.output && played.code == 0)
    }

    private func expectFile(_ pipeline: Pipeline) async throws {
        let path = pipeline.folder.path + "/ticks.parquet"
        let arguments = ["export", "ticks", "--format", "parquet", "--output", path]
        let first = try await pipeline.result("candlewick", arguments)
        #expect(first.code == 0 && first.output == "" && first.errors == "\(Payrolls.ticks) ticks written to \(path)\n")
        let bytes = fileBytes(path)
        #expect(bytes.prefix(4).elementsEqual("PAR1".utf8) && bytes.suffix(4).elementsEqual("PAR1".utf8))
        let second = try await pipeline.result("candlewick", arguments)
        #expect(second.code == 64 && second.errors.contains("exists"), "\(second)")
        _ = try await output(pipeline, arguments + ["--replace"])
        #expect(fileBytes(path) == bytes && !folderNames(pipeline.folder.path).contains("ticks.parquet.part"))
    }

    private func outputs(_ pipeline: Pipeline) async throws -> [String] {
        var outputs: [String] = []
        for (arguments, _) in Self.commands { outputs.append(try await output(pipeline, arguments)) }
        return outputs
    }

    private func output(_ pipeline: Pipeline, _ arguments: [String]) async throws -> String {
        let (code, output, errors) = try await pipeline.result("candlewick", arguments, within: .seconds(60))
        #expect(code == 0, "\(arguments): \(errors)")
        return output
    }

    @Test func `an export of ticks that cannot be made says why`() async throws {
        let pipeline = Pipeline()
        let (code, _, errors) = try await pipeline.result("candlewick", ["export", "ticks"])
        #expect(code == 69 && errors.contains("holds ticks"), "\(errors)")
        let wrong: [([String], String)] = [
            (["--json", "--format", "parquet"], "exclude each other"), (["--format", "xlsx"], "'xlsx'"),
            (["--since", "2026-05-12", "--until", "2026-05-12"], "--until must be later"),
        ]
        for (arguments, words) in wrong {
            let (code, _, errors) = try await pipeline.result("candlewick", ["export", "ticks"] + arguments)
            #expect(code == 64 && errors.contains(words), "\(errors)")
        }
    }
}
