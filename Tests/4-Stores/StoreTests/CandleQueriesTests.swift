import Host
import MarketData
import Store
import Testing
import TestKit
import Wire

@Suite struct CandleQueriesTests {
    let folder = TemporaryFolder()

    /// 5m candles of EUR_USD at 300 … 3,000, those at 600 and 3,000 partial, one bought; and one of USD_JPY in 15m.
    private func reader(_ engine: EngineUnderTest) throws -> any CandleQueries {
        let store = try engine.writer(folder)
        var records = (1...10).map { (place: Int64) -> CandleRecord in
            let source: CandleSource = place == 4 ? .bought : .streamed
            let flags: CandleFlags = [2, 10].contains(place) ? .partial : []
            return Make.candle(UTCSeconds(rawValue: place * 300), price: "1.\(place)", source: source, flags: flags)
        }
        let usdJPY = try #require(Pair("USD_JPY"))
        var other = CandleRecord(
            Series(usdJPY, .fifteenMinutes), start: UTCNanos(seconds: 900), bid: records[0].bid,
            ask: records[0].ask, mid: records[0].mid, source: .derived, inputStream: .history)
        other.tickCount = 3
        records.append(other)
        _ = try store.write(
            records.map(\.envelope), collector: .main, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        return try engine.reader(folder)
    }

    @Test(arguments: EngineUnderTest.all)
    func `the last ones come oldest first, only complete ones unless all are requested`(engine: EngineUnderTest) throws
    {
        let reader = try reader(engine)
        #expect(try reader.last(3, Make.eurUSD, .fiveMinutes).map(\.timestamp) == [2_100, 2_400, 2_700])
        #expect(try reader.last(3, Make.eurUSD, .fiveMinutes, .all).map(\.timestamp) == [2_400, 2_700, 3_000])
        #expect(try reader.latest(Make.eurUSD, .fiveMinutes, .complete)?.mid.close.description == "1.9")
        #expect(try reader.latest(Make.eurUSD, .fiveMinutes, .all)?.isComplete == false)
        #expect(try reader.last(5, Make.eurUSD, .fifteenMinutes).isEmpty)
    }

    @Test(arguments: EngineUnderTest.all)
    func `a range holds what begins in it`(engine: EngineUnderTest) throws {
        let reader = try reader(engine)
        let candles = try reader.candles(Make.eurUSD, .fiveMinutes, in: 600..<1_500, .complete)
        #expect(candles.map(\.timestamp) == [900, 1_200] && candles.map(\.source) == [.streamed, .bought])
        #expect(try reader.candles(Make.eurUSD, .fiveMinutes, in: 600..<1_500, .all).count == 3)
        #expect(
            try reader.count(Make.eurUSD, .fiveMinutes, .complete) == 8
                && reader.count(Make.eurUSD, .fiveMinutes, .all) == 10)
    }

    @Test(arguments: EngineUnderTest.all)
    func `of a range come the first or the last, oldest first`(engine: EngineUnderTest) throws {
        let reader = try reader(engine)
        func starts(
            _ range: Range<UTCSeconds>, _ limit: CandleLimit, _ selection: CandleSelection = .all
        ) throws -> [Int64] {
            try reader.candles(Make.eurUSD, .fiveMinutes, in: range, limit, selection).map(\.timestamp)
        }
        #expect(try starts(600..<1_500, .first(2)) == [600, 900])
        #expect(try starts(600..<1_500, .last(2)) == [900, 1_200])
        #expect(try starts(600..<1_500, .first(2), .complete) == [900, 1_200])
        #expect(try starts(601..<1_201, .first(9)) == [900, 1_200])
        #expect(try starts(.min..<(.max), .last(3), .complete) == [2_100, 2_400, 2_700])
        #expect(try starts(.min..<(.max), .first(1)) == [300])
        #expect(try starts(600..<600, .last(1)).isEmpty)
    }

    @Test(arguments: EngineUnderTest.all)
    func `the first one after a moment is that after it, not at it`(engine: EngineUnderTest) throws {
        let reader = try reader(engine)
        #expect(try reader.first(after: 300, Make.eurUSD, .fiveMinutes, .all)?.timestamp == 600)
        #expect(try reader.first(after: 300, Make.eurUSD, .fiveMinutes, .complete)?.timestamp == 900)
        #expect(try reader.first(after: 2_700, Make.eurUSD, .fiveMinutes, .complete) == nil)
    }

    @Test(arguments: EngineUnderTest.all)
    func `statistics are by pair and timeframe, sources together`(engine: EngineUnderTest) throws {
        let lines = try reader(engine).statistics()
        #expect(lines.map { "\($0.series)" } == ["EUR_USD 5m", "USD_JPY 15m"])
        #expect(lines[0].count == 10 && lines[0].complete == 8 && lines[0].oldest == 300 && lines[0].newest == 3_000)
        #expect(lines[0].bySource == [.streamed: 9, .bought: 1] && lines[0].close.description == "1.1")
        #expect(lines[1].bySource == [.derived: 1])
    }
}
