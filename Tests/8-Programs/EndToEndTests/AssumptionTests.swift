import Foundation
import Testing
import TestKit

/// What real programs count of a broker that does what IG is not known to do, and what `candlewick assumptions` and
/// `status` show of it.
@Suite struct AssumptionTests {
    private struct Shown: Decodable {
        struct Line: Decodable {
            let name: String
            let held: Int
            let violated: Int
            let note: String?
        }
        let assumptions: [Line]
    }

    private func shown(by pipeline: Pipeline) async throws -> [String: Shown.Line] {
        let result = try await pipeline.result("candlewick", ["assumptions", "--json"])
        #expect(result.code == 0, "\(result.errors)")
        let lines = try JSONDecoder().decode(Shown.self, from: Data(result.output.utf8)).assumptions
        return Dictionary(uniqueKeysWithValues: lines.map { ($0.name, $0) })
    }

    @Test(arguments: [
        ("candle-price=3", "point-per-candle"), ("allowance-expiry=700000", "renewal-within-week"),
        ("swapped-candles", "candle-prices"), ("no-application", "login-limits"),
    ])
    func `what a shop does not keep is counted`(fault: String, name: String) async throws {
        let pipeline = try await Shop.open(instruments: "EUR_USD")
        try pipeline.fault(fault)
        _ = try await pipeline.backfill("run")
        let lines = try await shown(by: pipeline)
        #expect(lines.values.filter { $0.violated > 0 }.map(\.name) == [name])
        try await pipeline.expectAllEndInOrder()
    }

    @Test func `candles of other times, and another allowance, are counted over two runs`() async throws {
        let pipeline = try await Shop.open(["--allowance", "5000"], instruments: "EUR_USD")
        #expect(try await pipeline.backfill("run").code == 0)
        let before = try await shown(by: pipeline)
        #expect(before["weekly-points"]?.note == "5000 points")
        #expect(before["candles-asked"].map { $0.held > 0 && $0.violated == 0 } == true)
        try pipeline.fault("history-shift=7200")
        // The clock of these weeks is known by now.
        pipeline.configure(
            "stream: {login_spacing_seconds: 0}\nhistory: {request_spacing_milliseconds: 0}\ninstruments: [USD_JPY]\n")
        _ = try await pipeline.backfill("run")
        let after = try await shown(by: pipeline)
        #expect((after["candles-asked"]?.held ?? 0) >= (before["candles-asked"]?.held ?? 0))
        #expect((after["candles-asked"]?.violated ?? 0) > 0)
        try await pipeline.expectAllEndInOrder()
    }

    @Test func `tokens that die early are counted, and a finding of status`() async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "60"])
        let fresh = try await pipeline.result("candlewick", ["status"])
        #expect(fresh.output.hasPrefix("all is well\n"), "\(fresh.output)")
        try pipeline.fault("expire-tokens end=32")
        try await eventually("logged in again; \(pipeline.logs)", within: .seconds(60)) {
            pipeline.logs.contains("Logged in again")
        }
        #expect(try await pipeline.stop().allSatisfy { $0.value == 0 })
        let lines = try await shown(by: pipeline)
        #expect(lines["tokens-last"]?.violated == 1)
        #expect(lines["login-limits"].map { $0.held == 2 && $0.violated == 0 } == true)
        let status = try await pipeline.result("candlewick", ["status"])
        #expect(status.output.contains("warning  assumption tokens-last: failed"), "\(status.output)")
    }

    @Test func `the key's own limit of items is obeyed`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD, USD_JPY, GBP_USD]\n")
        try await pipeline.start("ig-simulator", ["--port", "0", "--subscription-limit", "3"])
        let ingest = try await pipeline.start("ingest-stream", ready: false)
        #expect(try await ingest.ended(within: .seconds(20)) == 78)
        #expect(
            ingest.standardError.contains("3 instruments need 4 items")
                && ingest.standardError.contains("the account streams 3: GBP_USD would be left out"),
            "\(ingest.standardError)")
    }

    @Test func `a broker that does not say its limit is streamed from all the same`() async throws {
        let pipeline = Pipeline()
        pipeline.configure("instruments: [EUR_USD]\n")
        try await pipeline.start(
            "ig-simulator", ["--port", "0", "--start", "2026-05-12T08:00:00", "--fault", "no-application"])
        let ingest = try await pipeline.start("ingest-stream")
        #expect(
            ingest.standardError.contains("does not say how many items the account streams")
                && ingest.standardError.contains("limit=40"), "\(ingest.standardError)")
    }
}
