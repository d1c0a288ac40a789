import Foundation
import Testing
import TestKit

/// What a person types wrongly: each answer names the mistake and what was probably meant.
@Suite(.timeLimit(.minutes(1)))
struct ArgumentTests {
    private func refusal(_ arguments: [String]) async throws -> String {
        let (code, output, errors) = try await Pipeline().result("candlewick", arguments)
        #expect(code == 64 && output == "", "\(code): \(output)")
        #expect(errors.contains("--help"), "\(errors)")
        return String(errors.split(separator: "\n").first ?? "")
    }

    @Test(arguments: [
        ("stauts", "'stauts' is not a command; did you mean 'status'?"),
        ("stauts --json now", "'stauts' is not a command; did you mean 'status'?"),
        ("maintain bakup x", "'bakup' is not a command; did you mean 'backup'?"),
        ("analyze", "'analyze' is not a command; did you mean 'maintain analyse'?"),
        ("backup x.db", "'backup' is not a command; did you mean 'maintain backup'?"),
        ("quotations", "'quotations' is not a command: candlewick --help lists them"),
        ("keys zzz", "'zzz' is not a command: candlewick keys --help lists them"),
    ])
    func `an unknown command is named alone, with the one that was meant`(typed: String, answer: String) async throws {
        #expect(try await refusal(typed.split(separator: " ").map(String.init)) == "Error: \(answer)")
    }

    @Test(arguments: [
        ("status --jsno", "'--jsno' is not an option of 'candlewick status'; did you mean '--json'?"),
        (
            "candles EUR_USD 5m --sicne 2026-05-12",
            "'--sicne' is not an option of 'candlewick candles'; did you mean '--since'?"
        ),
        ("export --sicne 2026-05-12", "'--sicne' is not an option of 'candlewick export'; did you mean '--since'?"),
        ("tap ticks --pairs EUR_USD", "'--pairs' is not an option of 'candlewick tap'; did you mean '--pair'?"),
        ("tap tics", "The value 'tics' is invalid for '<stream>'; did you mean 'ticks'?"),
        // Nothing there has much in common with it.
        ("status --since 2026-05-12", "'--since' is not an option of 'candlewick status'"),
    ])
    func `an unknown option or value is answered with the nearest one, if any is near`(
        typed: String, answer: String
    ) async throws {
        #expect(try await refusal(typed.split(separator: " ").map(String.init)) == "Error: \(answer)")
    }

    @Test(arguments: [
        ("candles EUR_USD 5m --last -3", "--last must be 1 to 10,000,000, not -3"),
        ("chart EUR_USD 5m --last -3", "--last must be 1 to 5,000, not -3"),
        ("tap ticks --count -1", "--count must be at least 1, not -1"),
        ("top --for -3s", "The value '-3s' is invalid for '--for <for>'"),
    ])
    func `a negative number is refused as the value that it is`(typed: String, answer: String) async throws {
        #expect(try await refusal(typed.split(separator: " ").map(String.init)) == "Error: \(answer)")
    }

    @Test func `a time between looks is refused without looks`() async throws {
        #expect(try await refusal(["status", "--every", "5s"]) == "Error: --every goes with --watch")
    }

    @Test(arguments: [("15M", "15m"), ("M15", "15m"), ("5min", "5m"), ("H1", "1h"), ("1D", "1d")])
    func `another program's spelling of a timeframe is answered with ours`(typed: String, right: String) async throws {
        for arguments in [["candles", "EUR_USD", typed], ["gaps", "-t", typed], ["export", "-t", typed]] {
            let answer = try await refusal(arguments)
            #expect(answer.hasPrefix("Error: The value '\(typed)' is invalid for"), "\(answer)")
            #expect(answer.hasSuffix("<timeframe>': write \(right)"), "\(answer)")
        }
        let plan = try await Pipeline().result("ingest-backfill", ["plan", "--timeframes", typed])
        #expect(plan.code == 64 && plan.errors.contains("'\(typed)' is not a timeframe: write \(right)"), "\(plan)")
    }

    @Test func `a timeframe in the place of a pair is recognised`() async throws {
        #expect(
            try await refusal(["export", "EUR_USD", "5m"])
                == "Error: 5m is a timeframe, not a pair: write --timeframe 5m")
        #expect(
            try await refusal(["explain", "EUR_USD", "5m", "2026-11-23T14:10"])
                == "Error: 5m is a timeframe, not a time: write --timeframe 5m")
    }

    @Test func `the configuration refuses a timeframe in the same words`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("timeframes: [5m, M15]\n")
        let (code, _, errors) = try await pipeline.result("candlewick", ["status"])
        #expect(code == 78 && errors.contains("'M15' is not a timeframe: write 15m"), "\(errors)")
    }

    @Test func `both spellings of analyse are one command`() async throws {
        for word in ["analyse", "analyze"] {
            let (code, _, errors) = try await Pipeline().result("candlewick", ["maintain", word])
            #expect(code == 69 && errors.contains("does not exist"), "\(errors)")
        }
    }

    @Test func `a picture without gnuplot is refused before any work`() async throws {
        // `timeout` of coreutils runs it.
        let folder = TemporaryFolder()
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/timeout", withDestinationPath: "/usr/bin/timeout")
        for arguments in [["chart", "EUR_USD", "5m", "--html", "x.html"], ["coverage", "--png", "x.png"]] {
            let (code, output, errors) = try await Pipeline().result(
                "candlewick", arguments, with: ["PATH": folder.path])
            #expect(code == 69 && output == "")
            #expect(errors.hasPrefix("candlewick: gnuplot draws the pictures, and it is not installed: apt install"))
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `completion scripts know commands and options`(shell: String) async throws {
        let (code, output, _) = try await Pipeline().result("candlewick", ["--generate-completion-script", shell])
        #expect(code == 0 && output.contains("status") && output.contains("since"))
    }
}
