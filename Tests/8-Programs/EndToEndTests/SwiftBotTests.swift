import CandleReader
import Foundation
import Host
import MarketData
import Store
import Testing
import TestKit

// What docs/reading.md shows, word for word: from here …

/// Calls `decide` with the last complete candles whenever one more can be read.
func follow(
    _ pair: Pair, _ timeframe: Timeframe, count: Int, paths: Paths, decide: ([CandleReader.Candle]) -> Bool
) throws {
    let reader = try CandleReader(paths: paths)
    var last = try reader.latest(pair, timeframe)?.timestamp ?? 0
    repeat {
        guard decide(try reader.last(count, pair, timeframe)) else { return }
        // A minute without a candle is no error: the market may be quiet, or closed.
        last = try reader.next(after: last, pair, timeframe, milliseconds: 60_000)?.timestamp ?? last
    } while true
}

// … to here.

@Suite(.serialized, .timeLimit(.minutes(1)))
struct SwiftBotTests {
    private static let source = Golden.folder.replacing(
        "/Tests/Golden", with: "/Tests/8-Programs/EndToEndTests/SwiftBotTests.swift")
    private static let document = Golden.folder.replacing("/Tests/Golden", with: "/docs/reading.md")

    @Test func `the bot of the documentation sees each candle once it can be read`() async throws {
        let pipeline = try await SteadyFeed.begin(["--speed", "300"])
        let paths = try Paths(runtime: pipeline.folder.path + "/run", state: pipeline.state)
        var newest: [Int64] = []
        try follow(Make.eurUSD, .fiveMinutes, count: 3, paths: paths) { candles in
            if let last = candles.last?.timestamp, last != newest.last { newest.append(last) }
            return newest.count < 4
        }
        #expect(newest.count == 4 && zip(newest, newest.dropFirst()).allSatisfy { $1 - $0 == 300 }, "\(newest)")
        try await pipeline.expectCleanEnd()
    }

    @Test func `the documentation shows this very code`() throws {
        let source = String(decoding: fileBytes(Self.source), as: UTF8.self)
        let code = try #require(
            source.components(separatedBy: "from here …\n\n").last?.components(separatedBy: "\n// … to here").first)
        let document = String(decoding: fileBytes(Self.document), as: UTF8.self)
        #expect(document.contains(code))
    }
}
