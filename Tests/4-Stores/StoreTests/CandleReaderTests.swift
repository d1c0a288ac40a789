import CandleReader
import GRDB
import Host
import MarketData
import Store
import Testing
import TestKit
import Wire

@Suite struct CandleReaderTests {
    let folder = TemporaryFolder()
    private var path: String { folder.path + "/candlewick.db" }

    /// 5m candles of EUR_USD at 300 … 3,000, those at 600 and 3,000 partial, one bought; and one of USD_JPY in 15m.
    private func reader() throws -> CandleReader {
        let store = try CandleStore(path: path)
        var records = (1...10).map { (place: Int64) -> CandleRecord in
            let source: CandleSource = place == 4 ? .bought : .streamed
            let flags: CandleFlags = [2, 10].contains(place) ? .partial : []
            return Make.candle(place * 300, price: "1.\(place)", source: source, flags: flags)
        }
        let usdJPY = try #require(Pair("USD_JPY"))
        var other = CandleRecord(
            Series(usdJPY, .fifteenMinutes), start: UTCNanos(seconds: 900), bid: records[0].bid,
            ask: records[0].ask, mid: records[0].mid, source: .derived, inputStream: .history)
        other.tickCount = 3
        records.append(other)
        _ = try store.write(records.map(\.envelope), stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        return try CandleReader(path: path)
    }

    @Test func `the last ones come oldest first, whole ones unless all are asked for`() throws {
        let reader = try reader()
        #expect(try reader.last(3, Make.eurUSD, .fiveMinutes).map(\.timestamp) == [2_100, 2_400, 2_700])
        #expect(try reader.last(3, Make.eurUSD, .fiveMinutes, .all).map(\.timestamp) == [2_400, 2_700, 3_000])
        #expect(try reader.latest(Make.eurUSD, .fiveMinutes)?.mid.close.description == "1.9")
        #expect(try reader.latest(Make.eurUSD, .fiveMinutes, .all)?.isComplete == false)
        #expect(try reader.last(5, Make.eurUSD, .fifteenMinutes).isEmpty)
    }

    @Test func `a range holds what begins in it`() throws {
        let reader = try reader()
        let candles = try reader.candles(Make.eurUSD, .fiveMinutes, in: 600..<1_500)
        #expect(candles.map(\.timestamp) == [900, 1_200] && candles.map(\.source) == [.streamed, .bought])
        #expect(try reader.candles(Make.eurUSD, .fiveMinutes, in: 600..<1_500, .all).count == 3)
        #expect(try reader.count(Make.eurUSD, .fiveMinutes) == 8 && reader.count(Make.eurUSD, .fiveMinutes, .all) == 10)
    }

    @Test func `statistics are by pair and timeframe, sources together`() throws {
        let lines = try reader().statistics()
        #expect(lines.map { "\($0.series)" } == ["EUR_USD 5m", "USD_JPY 15m"])
        #expect(lines[0].count == 10 && lines[0].complete == 8 && lines[0].oldest == 300 && lines[0].newest == 3_000)
        #expect(lines[0].bySource == [.streamed: 9, .bought: 1] && lines[0].close.description == "1.1")
        #expect(lines[1].bySource == [.derived: 1])
    }

    @Test func `the queries go along the key: no sort, no scan`() throws {
        _ = try reader()
        for condition in ["", " AND c.complete = 1"] {
            let plan = try DatabaseQueue(path: path).read { db in
                try Row.fetchAll(
                    db,
                    sql: """
                        EXPLAIN QUERY PLAN SELECT \(CandleReader.Candle.columns) FROM candle c
                        WHERE \(CandleReader.ofSeries)\(condition) ORDER BY c.open_time DESC LIMIT ?
                        """, arguments: ["EUR_USD", 300, 200]
                ).map { $0["detail"] as String }
            }
            #expect(plan.allSatisfy { !$0.hasPrefix("SCAN c") && !$0.contains("TEMP") }, "\(plan)")
            #expect(plan.contains { $0.contains("c USING PRIMARY KEY (instrument_id=? AND timeframe=?)") }, "\(plan)")
        }
    }

    @Test func `a backup is one sound file with the same candles, and never written over another`() throws {
        let reader = try reader()
        let copy = folder.path + "/copy.db"
        try reader.backUp(to: copy)
        let other = try CandleReader(path: copy)
        #expect(try other.statistics() == reader.statistics())
        #expect(try other.integrityFindings().isEmpty)
        #expect(folderNames(folder.path).filter { $0.hasPrefix("copy") } == ["copy.db"])
        let failure = #expect(throws: Failure.self) { try reader.backUp(to: copy) }
        #expect(failure?.code == .usage)
    }
}
