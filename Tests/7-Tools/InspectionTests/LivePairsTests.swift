import CandleReader
@testable import Inspection
import MarketData
import Store
import TestKit
import Testing
import Wire

/// The pairs of `top` in windows of every size.
@Suite struct LivePairsTests {
    private static let pairs = ["AUD", "CAD", "CHF", "EUR", "GBP", "JPY", "NZD", "USD"].enumerated().flatMap {
        at, base in
        ["AUD", "CAD", "CHF", "EUR", "GBP", "JPY", "NZD", "USD"].dropFirst(at + 1).map { Pair("\(base)_\($0)")! }
    }

    /// Prices of six decimals, closes of seven.
    private static func live(quotes: Bool = true, timeframes: [Timeframe] = [.fiveMinutes, .fifteenMinutes])
        -> LivePairs
    {
        var quote = FormingCandles.Quote()
        quote.take(
            TickRecord(
                pairs[0], brokerTime: UTCNanos(seconds: 1), receiveTime: UTCNanos(seconds: 1),
                bid: Price(rawValue: 1_072_115_000), ask: Price(rawValue: 1_072_205_000), flags: []))
        let candles = pairs.flatMap { pair in
            timeframes.map {
                SeriesStatistics(
                    series: Series(pair, $0), count: 9, complete: 9, oldest: 0, newest: 1_778_572_800,
                    close: Price(rawValue: 1_072_117_500), bySource: [.streamed: 9])
            }
        }
        return LivePairs(
            candles: candles, quotes: quotes ? Dictionary(uniqueKeysWithValues: pairs.map { ($0, quote) }) : [:])
    }

    private func text(_ live: LivePairs, _ rows: Int, _ columns: Int) -> [String] {
        live.lines(rows: rows, columns: columns).map(\.text)
    }

    /// Of 24 rows the other lines take 11 if all is well or one thing is wrong, and 15 if five things are.
    @Test(arguments: 8...12, [true, false])
    func `28 pairs have room in 80 by 24, with whole prices`(rows: Int, quotes: Bool) {
        let lines = text(Self.live(quotes: quotes), rows, 80)
        #expect(lines.count <= rows && lines.allSatisfy { $0.count <= 80 }, "\(lines)")
        for pair in Self.pairs { #expect(lines.contains { $0.contains("\(pair) ") }, "\(pair): \(lines)") }
        let price = quotes ? "1.072115" : "1.0721175"
        let words = lines.dropFirst().flatMap { $0.split(separator: " ") }
        #expect(words.filter { $0 == price }.count == Self.pairs.count, "\(lines)")
        #expect(words.allSatisfy { !$0.hasPrefix("1.") || [price, "1.072205"].contains(String($0)) }, "\(lines)")
    }

    @Test func `the usual window shows bid and ask, a wide one spread and candles in two blocks`() {
        #expect(text(Self.live(), 12, 80)[0].hasPrefix("pair         bid      ask  pair         bid      ask"))
        let wide = text(Self.live(), 38, 200)
        let head = "pair          bid       ask    spread  5m               15m"
        #expect(wide[0].hasPrefix(head) && wide[0].components(of: "pair") == 2, "\(wide[0])")
        #expect(wide.count == 15)
    }

    @Test func `a window that is too small counts the pairs that it hides, and cuts no price`() {
        for (rows, columns) in [(5, 40), (3, 17), (2, 16), (1, 10), (4, 3)] {
            let lines = text(Self.live(), rows, columns)
            let shown = lines.joined(separator: " ").split(separator: " ").filter { $0 == "1.072115" }.count
            #expect(lines.last == "… \(28 - shown) more pairs: the window is too small", "\(lines)")
            #expect(lines.dropLast().allSatisfy { $0.count <= columns } && lines.count <= max(rows, 1), "\(lines)")
        }
    }
}

extension String {
    fileprivate func components(of word: String) -> Int { split(separator: " ").filter { $0 == word }.count }
}
