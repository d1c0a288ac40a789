import CandleFiles
import Host
import MarketData
import TestKit
import Testing

/// Candles that another program folded.
@Suite struct FoldedCandleFileTests {
    let folder = TemporaryFolder()

    /// The candle of a row whose bid is `prices`.
    private func candle(_ prices: String...) throws -> FoldedCandle? {
        let names = ["bid", "ask", "mid"].flatMap { side in
            ["open", "high", "low", "close"].map { "\(side)_\($0)" }
        }
        let head = ["pair", "timeframe", "timestamp"] + names + ["tick_count", "inverted_ticks"]
        let row = ["EUR_USD", "5", "1778572800"] + prices + Array(repeating: "", count: 8) + ["1", "0"]
        let text = [head, row].map { $0.joined(separator: ",") + "\n" }.joined()
        var file = try FoldedCandleFile(path: folder.write(text.utf8, to: "folded.csv"))
        return try file.next()
    }

    @Test func `a price may be negative`() throws {
        let bid = try #require(try candle("-0.5", "1.000000001", "-37.63", "-0")).bid
        #expect(bid.open.rawValue == -500_000_000 && bid.high.rawValue == 1_000_000_001)
        #expect(bid.low.rawValue == -37_630_000_000 && bid.close.rawValue == 0)
        #expect(try candle(bid.open.description, "1", "1", "1")?.bid.open == bid.open)
    }

    @Test(arguments: ["-", "--1", "1-", "-.", ".", "1.-5", "- 1", "-1.0000000001", "-9223372037"])
    func `what is not a decimal is refused`(price: String) throws {
        let failure = try #require(throws: Failure.self) { try candle(price, "1", "1", "1") }
        #expect(failure.code == .badData && failure.description.contains("bid_open '\(price)' is not a decimal"))
    }
}
