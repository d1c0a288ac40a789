import Foundation
import Testing
import TestKit

/// `candlewick doctor`, and the pictures: what a person looks at first.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct DoctorTests {
    private struct Answer: Decodable { let findings: [FindingLine] }

    private func doctor(_ pipeline: Pipeline, _ arguments: String..., code: Int32) async throws -> [FindingLine] {
        let result = try await pipeline.result("candlewick", ["doctor", "--json"] + arguments)
        #expect(result.code == code, "\(result.errors)\(result.output)")
        for secret in [Pipeline.apiKey, Pipeline.identifier, Pipeline.password] {
            #expect(!(result.output + result.errors).contains(secret))
        }
        return try JSONDecoder().decode(Answer.self, from: Data(result.output.utf8)).findings
    }

    private func states(_ lines: [FindingLine], _ check: String) -> [String] {
        lines.filter { $0.check == check }.map(\.state)
    }

    @Test func `a complete installation is checked, the broker too, and a stage that is down is named`() async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "300"])
        let well = try await doctor(pipeline, code: 0)
        #expect(states(well, "stage") == ["ok", "ok", "ok"])
        #expect(states(well, "program") == ["ok", "ok", "ok", "ok"])
        #expect(states(well, "stream").allSatisfy { $0 == "ok" } && states(well, "stream").count >= 2)
        for check in [
            "configuration", "runtime folder", "state folder", "disk", "database", "login", "market", "verdict",
        ] {
            #expect(states(well, check) == ["ok"], "\(check): \(well)")
        }
        let text = try await pipeline.result("candlewick", ["doctor", "--offline"])
        #expect(
            text.output.contains("ok       stage aggregator: live\n") && text.output.contains("0 failed"),
            "\(text.output)")

        let quiet = try await pipeline.result("candlewick", ["doctor", "--quiet"])
        #expect(
            quiet.code == 0 && !quiet.output.contains("ok  ") && quiet.output.contains(" 0 failed"), "\(quiet.output)")

        pipeline.programs["aggregator"]?.kill()
        chmod(pipeline.state, 0o755)
        pipeline.variables["IG_PASSWORD"] = nil
        let ill = try await doctor(pipeline, code: 69)
        let failed = ill.filter { $0.state == "failed" }
        #expect(Set(failed.map(\.check)).isSuperset(of: ["stage", "state folder", "credentials"]), "\(failed)")
        #expect(failed.first { $0.check == "stage" }?.subject == "aggregator")
        #expect(failed.allSatisfy { !$0.advice.isEmpty }, "\(failed)")
        let socket = ill.first { $0.check == "socket" }
        #expect(socket?.state == "warning" && socket?.subject.contains("candles.ipc") == true, "\(ill)")
        #expect(states(try await doctor(pipeline, "--offline", code: 69), "login").isEmpty)
    }

    @Test func `a wrong configuration is the first finding`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("instrumens: [EUR_USD]\n")
        let lines = try await doctor(pipeline, code: 69)
        #expect(lines.map(\.check) == ["configuration"] && lines[0].finding.contains("instrumens"), "\(lines)")
    }

    @Test
    func `a configuration is checked before a restart, with its line and key, the file given or the one in force`()
        async throws
    {
        let pipeline = Pipeline()
        func check(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
            try await pipeline.result("candlewick", ["config", "check"] + arguments)
        }
        let none = try await pipeline.result("candlewick", ["config", "check"], with: ["CANDLEWICK_CONFIG": nil])
        #expect(none.code == 0 && none.output.hasPrefix("no file: the defaults are in force: 28 instruments, 5m, 15m"))
        let good = pipeline.folder.write("timeframes: [1m]\n".utf8, to: "good.yaml")
        let found = try await check(good)
        #expect(found.code == 0 && found.output == "\(good): in order: 28 instruments, 1m\n", "\(found)")
        let bad = pipeline.folder.write("timeframes: [1m]\nstore:\n  batch_rows: 0\n".utf8, to: "bad.yaml")
        let wrong = try await check(bad)
        #expect(
            wrong.code == 78 && wrong.errors.contains("\(bad):3: ") && wrong.errors.contains("batch_rows"), "\(wrong)")
        pipeline.configure("timeframes: [1m]\nhistory: {depth: many}\n")
        let own = try await check()
        #expect(own.code == 78 && own.errors.contains(":2: ") && own.errors.contains("depth"), "\(own)")
        let missing = try await check(pipeline.folder.path + "/none.yaml")
        #expect(missing.code == 78 && missing.errors.contains("cannot be read"), "\(missing)")
    }

    @Test func `status --watch shows one report after the other, until it is stopped`() async throws {
        let pipeline = Pipeline()
        let watch = try pipeline.launch("candlewick", ["status", "--watch"])
        try await eventually("two reports; \(watch.standardOutput)", within: .seconds(20)) {
            watch.standardOutput.components(separatedBy: "candlewick.db does not exist").count > 2
        }
        watch.terminate()
        #expect(try await watch.ended(within: .seconds(10)) == 0)
        #expect(!watch.standardOutput.contains("\u{1B}"))
    }

    @Test func `status --watch goes on in a terminal of one line, with the longest pause`() async throws {
        let pipeline = Pipeline()
        let command =
            "stty rows 1 cols 20; exec \(RunningProgram.folder)/candlewick status --watch --every 1000000h"
        let watch = try RunningProgram(
            "/usr/bin/script", ["-qec", command, "/dev/null"],
            environment: pipeline.variables.merging(["TERM": "xterm"]) { $1 }, input: "")
        try await eventually("a report; \(watch.standardOutput)", within: .seconds(20)) {
            watch.standardOutput.contains(" more lines")
        }
        #expect(watch.isRunning)
        watch.terminate()
        _ = try await watch.ended(within: .seconds(10))
        #expect(!watch.standardOutput.contains("crashed"), "\(watch.standardOutput)")
    }

    @Test func `candles and coverage are drawn in 80 columns, as pictures, and as JSON`() async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "600"])
        try await Payrolls.begun(pipeline, candles: 15)
        func draw(_ arguments: String...) async throws -> String {
            let result = try await pipeline.result("candlewick", arguments)
            #expect(result.code == 0 && result.errors == "", "\(result.errors)")
            return result.output
        }
        let chart = try await draw("chart", "EUR_USD", "5m", "--ma", "3")
        let lines = chart.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.count <= 80 } && lines.count <= 24)
        #expect(chart.hasPrefix("EUR_USD 5m  2026-05-12 08:0") && chart.contains("UTC") && chart.contains("MA 3 1.1"))
        #expect(!chart.contains("\u{1B}"))
        let coverage = try await draw("coverage", "--days", "5")
        #expect(coverage.contains("days in UTC") && coverage.contains("EUR_USD") && !coverage.contains("\u{1B}"))
        #expect(coverage.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(try await draw("coverage", "--json").contains("\"streamed\":"))
        #expect(try await draw("chart", "EUR_USD", "5m", "--json", "--last", "2").contains("\"timestamp\":"))

        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/gnuplot") else { return }
        for format in ["png", "svg", "html"] {
            let (candles, days) = (
                pipeline.folder.path + "/candles.\(format)", pipeline.folder.path + "/days.\(format)"
            )
            #expect(try await draw("chart", "EUR_USD", "5m", "--\(format)", candles) == "\(candles) written\n")
            #expect(try await draw("coverage", "--\(format)", days) == "\(days) written\n")
            for path in [candles, days] { #expect(fileBytes(path).count > 1_000) }
        }
        #expect(fileBytes(pipeline.folder.path + "/candles.png").prefix(4) == [0x89, 0x50, 0x4E, 0x47])
        try await pipeline.expectCleanEnd()
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `shells get completions of every subcommand`(shell: String) async throws {
        let script = try await Pipeline().result("candlewick", ["--generate-completion-script", shell])
        #expect(script.code == 0)
        for name in ["status", "coverage", "explain", "replay", "maintain", "doctor"] {
            #expect(script.output.contains(name))
        }
    }
}
