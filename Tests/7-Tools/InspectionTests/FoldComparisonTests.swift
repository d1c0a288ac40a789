import Host
import Inspection
import MarketData
import Reports
import SQLiteStore
import Store
import Streams
import Testing
import TestKit
import Wire

/// Candles of a file against the stored ones, without a process.
@Suite struct FoldComparisonTests {
    let folder = TemporaryFolder()
    private static let start: Int64 = 1_778_572_800
    private static let head =
        "pair,timeframe,timestamp,"
        + ["bid", "ask", "mid"].map { "\($0)_open,\($0)_high,\($0)_low,\($0)_close" }
        .joined(separator: ",") + ",tick_count,inverted_ticks,ended"

    /// A row whose prices all are `price`.
    private func row(
        _ number: Int64, _ series: String = "EUR_USD,5", price: String = "1.100000000", ticks: Int = 1,
        ended: Int = 1
    ) -> String {
        let prices = Array(repeating: price, count: 12).joined(separator: ",")
        return "\(series),\(Self.start + number * 300),\(prices),\(ticks),0,\(ended)"
    }

    private func candle(
        _ number: Int64, pair: Pair = Make.eurUSD, price: String = "1.1", flags: CandleFlags = []
    ) -> CandleEnvelope {
        Make.candle(UTCSeconds(rawValue: Self.start + number * 300), pair: pair, price: price, flags: flags).envelope
    }

    private func comparison(
        _ rows: [String], _ candles: [CandleEnvelope], head: String = Self.head
    ) throws -> FoldComparison {
        let paths = try Paths(runtime: folder.path, state: folder.path)
        let store = try SQLiteWriter(path: paths.database)
        _ = try store.write(
            candles, collector: .main, stream: .candles, position: UInt64(candles.count), now: UTCNanos(seconds: 5))
        try store.close()
        let text = ([head] + rows).joined(separator: "\n") + "\n"
        return try FoldComparison(file: folder.write(text.utf8, to: "folded.csv"), paths: paths)
    }

    @Test func `equal candles are sound`() throws {
        let comparison = try comparison([row(0), row(1)], [candle(0), candle(1)])
        #expect(comparison.isSound && comparison.equal == 2)
        let text = comparison.text(.plain)
        #expect(text.contains("2 candles of") && text.contains("all equal"), "\(text)")
    }

    @Test func `a price and a count that differ are named with both values`() throws {
        let comparison = try comparison([row(0), row(1, price: "1.100000005", ticks: 2)], [candle(0), candle(1)])
        #expect(!comparison.isSound && comparison.different == 1 && comparison.equal == 1)
        let text = comparison.text(.plain)
        #expect(text.contains("EUR_USD 5m 2026-05-12 08:05:00  different"), "\(text)")
        #expect(text.contains("    mid_close: database 1.1, file 1.100000005"), "\(text)")
        #expect(text.contains("    tick_count: database 1, file 2"), "\(text)")
        #expect(!text.contains("inverted_ticks"), "\(text)")
    }

    @Test func `candles of one side alone are named`() throws {
        let rows = [row(0), row(1), row(4)]
        let comparison = try comparison(rows, [candle(0), candle(2), candle(3), candle(4)])
        #expect(comparison.onlyInFile == 1 && comparison.onlyInDatabase == 2 && comparison.equal == 2)
        let text = comparison.text(.plain)
        #expect(text.contains("2026-05-12 08:05:00  only in the file"), "\(text)")
        #expect(text.contains("2026-05-12 08:15:00  only in the database"), "\(text)")
    }

    @Test func `what stands behind a series' last row counts, up to the end of the file`() throws {
        let other = try #require(Pair("USD_JPY"))
        let rows = [row(0), row(0, "USD_JPY,5"), row(1, "USD_JPY,5")]
        let candles = [candle(0), candle(1), candle(2), candle(0, pair: other), candle(1, pair: other)]
        let comparison = try comparison(rows, candles)
        #expect(comparison.equal == 3 && comparison.onlyInDatabase == 1, "\(comparison.text(.plain))")
    }

    @Test func `partial, unfinished and absent series are set apart`() throws {
        let other = try #require(Pair("USD_JPY"))
        let candles = [
            candle(0, price: "1.2", flags: .partial), candle(1), candle(2, price: "1.2"), candle(0, pair: other),
        ]
        let comparison = try comparison([row(0), row(1), row(2, ended: 0)], candles)
        #expect(comparison.isSound && comparison.equal == 1 && comparison.partial == 1 && comparison.notEnded == 1)
        #expect(comparison.leftOut == ["USD_JPY 5m"], "\(comparison.leftOut)")
    }

    @Test func `a side that no tick brought is empty`() throws {
        var stored = Make.candle(UTCSeconds(rawValue: Self.start))
        (stored.ask, stored.mid) = (.zero, .zero)
        let row = "EUR_USD,5m,\(Self.start),1.1,1.1,1.1,1.1,,,,,,,,,1,0,1"
        #expect(try comparison([row], [stored.envelope]).equal == 1)
    }

    @Test(arguments: [
        ("EURUSD/5,5,1778572800", "is not a name"), ("EUR_USD,7,1778572800", "is not a timeframe"),
        ("EUR_USD,5,soon", "is not in Unix seconds"),
    ])
    func `a bad row is named with its line`(key: String, reason: String) throws {
        let bad = key + row(1).dropFirst("EUR_USD,5,1778573100".count)
        let failure = #expect(throws: Failure.self) { try comparison([row(0), bad], [candle(0)]) }
        #expect(failure?.code == .badData)
        #expect("\(failure!)".contains("line 3") && "\(failure!)".contains(reason), "\(failure!)")
    }

    @Test func `rows out of order, a missing column and nothing to compare are refused`() throws {
        func failure(_ rows: [String], head: String = Self.head) -> Failure? {
            #expect(throws: Failure.self) { try comparison(rows, [candle(0)], head: head) }
        }
        #expect("\(failure([row(1), row(0)])!)".contains("line 3"))
        #expect("\(failure([row(0), row(0, "USD_JPY,5"), row(1)])!)".contains("line 4"))
        #expect("\(failure([row(0)], head: "pair,timeframe")!)".contains("column timestamp is missing"))
        #expect(failure([row(0, ended: 0)])?.code == .unavailable)
        #expect(failure([row(0, price: "1.1000000001")])?.code == .badData)
    }

    @Test func `a file of more rows than are read at once`() throws {
        let numbers = (0..<10_000).map(Int64.init)
        let comparison = try comparison(numbers.map { row($0) }, numbers.map { candle($0) })
        #expect(comparison.isSound && comparison.equal == 10_000)
    }
}
