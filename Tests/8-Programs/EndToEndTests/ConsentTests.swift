import Foundation
import Testing
import TestKit

/// Points are spent when a person agrees, or when nobody can be asked, and never more than was allowed.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct ConsentTests {
    /// On a terminal of `script`, which passes on what is typed.
    private func typed(_ text: String, _ arguments: String, _ pipeline: Pipeline) async throws -> (Int32, String) {
        let command = "stty -echo; exec \(RunningProgram.folder)/ingest-backfill \(arguments)"
        let program = try RunningProgram(
            "/usr/bin/script", ["-qec", command, "/dev/null"], environment: pipeline.variables, input: text)
        let code = try await program.ended(within: .seconds(60))
        try await eventually("its output is read", within: .seconds(5)) { program.isRead }
        return (code, program.standardOutput)
    }

    @Test func `run and batch on a terminal show the plan and ask, unless --yes is given`() async throws {
        let pipeline = try await Shop.open(Shop.busy, instruments: "EUR_USD")
        for task in ["run", "batch 1"] {
            let (code, output) = try await typed("n\n", task, pipeline)
            #expect(
                code == 0 && output.contains("points? [y/N]") && output.contains("Nothing was bought."), "\(output)")
            #expect(output.contains("(\(task))"), "\(output)")
        }
        #expect(try pipeline.paid() == 0)
        let (code, output) = try await typed("y\n", "run", pipeline)
        #expect(code == 0 && output.contains("Bought 334 candles"), "\(output)")
        let nothing = try await pipeline.backfill("plan")
        #expect(nothing.output.contains("nothing: no candle is streamed yet"), "\(nothing.output)")
        try await pipeline.expectAllEndInOrder()

        let other = try await Shop.open(Shop.busy, instruments: "EUR_USD")
        let unasked = try await typed("", "batch 1 --yes", other)
        #expect(unasked.0 == 0 && unasked.1.contains("Bought 400 candles"), "\(unasked.1)")
        #expect(!unasked.1.contains("[y/N]"))
        try await other.expectAllEndInOrder()
    }

    @Test func `a run spends no point more than --max-points`() async throws {
        let pipeline = try await Shop.open(Shop.busy, instruments: "EUR_USD, USD_JPY")
        let batch = try await pipeline.backfill("batch", "1", "--max-points", "399")
        #expect(batch.code == 75 && batch.errors.contains("--max-points allows 399"), "\(batch.errors)")
        #expect(try pipeline.paid() == 0)
        var paid = 0
        for points in [1, 2, 37, 100] {
            let run = try await pipeline.backfill("run", "--max-points", "\(points)")
            paid += points
            #expect(run.code == 75, "\(run.output) \(run.errors)")
            #expect(try pipeline.paid() == paid, "\(run.output)")
        }
        let left = try pipeline.count("SELECT MIN(remaining) FROM quota_ledger")
        #expect(left == 10_000 - paid)
        let wrong = try await pipeline.backfill("run", "--max-points", "0")
        #expect(wrong.code == 64 && wrong.errors.contains("--max-points must be 1 or more"))
        let rest = try await pipeline.backfill("run", "--max-points", "9000")
        #expect(rest.code == 0, "\(rest.output) \(rest.errors)")
        try pipeline.expectFullDepth(pairs: 2)
        try await pipeline.expectAllEndInOrder()
    }
}
