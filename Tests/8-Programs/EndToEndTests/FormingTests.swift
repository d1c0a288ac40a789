import CandleReader
import Foundation
import Host
import MarketData
import Store
import Testing
import TestKit

/// The candle of the present interval, through the processes.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct FormingTests {
    private struct Row: Decodable {
        let timestamp: Int64
        let complete: Bool
    }

    /// One tick a second in market time.
    @Test func `a bot reads the forming candle, waits for it to close, and finds it in the database`() async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "60"])
        let paths = try Paths(runtime: pipeline.folder.path + "/run", state: pipeline.state)
        let updates = try FormingCandles(paths: paths, pair: Make.eurUSD)
        var last: FormingCandles.Update?
        try await eventually("a candle of 5 minutes closes") {
            while let update = updates.next(milliseconds: 0) {
                if update.series.timeframe == .fiveMinutes, update.isClosed { last = update }
            }
            return last != nil
        }
        let closed = try #require(last)
        let reader = try CandleReader(paths: paths)
        let stored = try #require(
            try reader.next(after: closed.candle.timestamp - 300, Make.eurUSD, .fiveMinutes, .all, milliseconds: 20_000)
        )
        #expect(stored == closed.candle)
        let present = try reader.forming(Make.eurUSD, .fiveMinutes, milliseconds: 10_000)
        #expect(try #require(present).timestamp > closed.candle.timestamp)
        let quote = try #require(updates.quotes[Make.eurUSD])
        #expect(quote.bid.rawValue > 0 && quote.ask.rawValue >= quote.bid.rawValue)

        let tap = try await pipeline.result("candlewick", ["tap", "forming", "--pair", "EUR_USD", "--count", "3"])
        #expect(tap.output.contains("[forming]") && tap.code == 0, "\(tap)")
        // An interval that closes meanwhile has no forming row.
        try await eventually("the forming candle is shown after the others") {
            let shown = try await pipeline.result(
                "candlewick", ["candles", "EUR_USD", "5m", "--last", "2", "--forming", "--json"])
            let rows = try JSONDecoder().decode([Row].self, from: Data(shown.output.utf8))
            guard let newest = rows.last, !newest.complete else { return false }
            return rows.count == 3 && rows.dropLast().allSatisfy { $0.timestamp < newest.timestamp && $0.complete }
        }
        try await pipeline.expectCleanEnd()
    }

    @Test func `without an aggregator it says so`() throws {
        let folder = TemporaryFolder()
        let paths = try Paths(state: folder.path)
        let forming = try FormingCandles(paths: paths, pair: Make.eurUSD)
        #expect(throws: Failure.self) { try forming.present(Make.eurUSD, .fiveMinutes, milliseconds: 50) }
    }
}
