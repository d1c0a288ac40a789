import Testing
import TestKit

/// What a person is told while nothing comes.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct SilenceTests {
    /// Without second opinions nothing comes on the stream `native`.
    private func begun() async throws -> Pipeline {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD, USD_JPY]\nsecond_opinion: off\n")
        try await pipeline.startAll(simulator: ["--speed", "600"])
        try await Payrolls.begun(pipeline, candles: 2)
        return pipeline
    }

    @Test(arguments: [
        (["tap", "ticks"], "waiting for ticks: ingest-stream does not run"),
        (["tap", "feed"], "waiting for ticks: ingest-stream does not run"),
        (["tap", "candles"], "waiting for candles: aggregator does not run"),
        (["tap", "forming"], "waiting for forming: aggregator does not run"),
        (["tap", "stored"], "waiting for stored: store-writer does not run"),
        (["tap", "history"], "waiting for history: ingest-backfill sends it while it buys"),
        (["tap", "status"], "waiting for status: no stage runs"),
        (["record", "copy"], "waiting for ticks: ingest-stream does not run"),
    ])
    func `without its stage a stream says for whom it waits, and ends with 69`(
        arguments: [String], words: String
    ) async throws {
        let pipeline = Pipeline()
        let whole = arguments.map { $0 == "copy" ? pipeline.folder.path + "/copy" : $0 } + ["--for", "4s"]
        let (code, output, errors) = try await pipeline.result("candlewick", whole)
        #expect(code == 69 && !output.contains("position"), "\(code) \(output)")
        let reason = words.split(separator: ": ").last ?? ""
        #expect(
            errors.hasPrefix("candlewick: \(words)\n") && errors.contains("came in this time: \(reason)"), "\(errors)")
    }

    @Test func `a pair that cannot come is refused, with the one that was meant`() async throws {
        let pipeline = try await begun()
        let cases = [
            ("EUR_UDS", ["--from", "now"], "EUR_UDS is neither configured nor stored here: did you mean EUR_USD?"),
            ("JPY_USD", ["--from", "oldest"], "JPY_USD is neither configured nor stored here: did you mean USD_JPY?"),
            ("DE40", ["--from", "1"], "DE40 is neither configured nor stored here: candlewick configuration lists"),
        ]
        for (pair, from, words) in cases {
            let (code, output, errors) = try await pipeline.result(
                "candlewick", ["tap", "ticks", "--pair", pair, "--for", "15s"] + from)
            #expect(code == 64 && output == "" && errors.hasPrefix("candlewick: \(words)"), "\(code) \(errors)")
        }
        let known = try await pipeline.result("candlewick", ["tap", "ticks", "--pair", "USD_JPY", "--count", "1"])
        #expect(known.code == 0 && known.output.contains("USD_JPY"), "\(known.errors)")
        try await pipeline.expectCleanEnd()
    }

    @Test func `a position far ahead is refused, and names the newest one`() async throws {
        let pipeline = try await begun()
        for arguments in [["tap", "ticks"], ["record", pipeline.folder.path + "/copy"]] {
            let (code, output, errors) = try await pipeline.result(
                "candlewick", arguments + ["--from", "900000000", "--for", "15s"])
            #expect(code == 64 && output == "")
            let newest = errors.split(separator: " ").compactMap { Int($0.prefix { $0.isNumber }) }.last ?? 0
            #expect(errors.contains("position 900000000 of ticks is not given yet") && newest > 100, "\(errors)")
        }
        try await pipeline.expectCleanEnd()
    }

    @Test func `a stage that runs and is silent is named, and that is no fault`() async throws {
        let pipeline = try await begun()
        let (code, output, errors) = try await pipeline.result("candlewick", ["tap", "native", "--for", "4s"])
        #expect(code == 0 && output == "")
        #expect(errors == "candlewick: waiting for native: ingest-stream runs and has sent nothing yet\n", "\(errors)")
        try await pipeline.expectCleanEnd()
    }

    @Test func `top without a stage says so and ends with 69`() async throws {
        for option in ["--plain", "--json"] {
            let (code, output, errors) = try await Pipeline().result("candlewick", ["top", option, "--for", "2s"])
            #expect(code == 69 && output.contains("not running: ingest-stream, aggregator, store-writer"))
            #expect(errors == "candlewick: not running: ingest-stream, aggregator, store-writer\n", "\(errors)")
        }
    }
}
