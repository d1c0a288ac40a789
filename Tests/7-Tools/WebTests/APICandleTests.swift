import Foundation
import Host
import MarketData
import SQLiteStore
import Store
import Testing
import TestKit
@testable import Web
import Wire

/// `/candles`: what the database holds, and the candle that forms.
@Suite struct APICandleTests {
    private static let start = APIWorld.start
    private let world: APIWorld

    init() throws { world = try APIWorld() }

    private func candle(_ place: Int64, flags: CandleFlags = [], pair: Pair = Make.eurUSD) -> CandleRecord {
        Make.candle(Self.start + place * 300, pair: pair, price: "1.0\(place + 1)", flags: flags)
    }

    private func times(_ query: String) throws -> [Int64] {
        try world.value("/candles/EUR_USD/5m\(query)", as: APICandles.self).candles.map {
            ($0.time - Self.start.rawValue) / 300
        }
    }

    // MARK: Values

    /// Prices of every size, of six decimals at most for bid and ask, one more for mid.
    private func randomCandles(_ count: Int) -> [CandleRecord] {
        var random = SplitMix(seed: 7)
        func side() -> OHLC {
            func price() -> Price {
                Price(
                    rawValue: Int64.random(in: 1...200_000_000, using: &random)
                        * (random.next() % 2 == 0 ? 500 : 10_000))
            }
            return OHLC(open: price(), high: price(), low: price(), close: price())
        }
        return (0..<Int64(count)).map { place in
            var record = Make.candle(Self.start + place * 300, flags: place % 7 == 0 ? .partial : [])
            (record.bid, record.ask, record.mid) = (side(), side(), side())
            record.tickCount = UInt32.random(in: 1...5_000, using: &random)
            if place % 7 == 0 { record.blindMilliseconds = UInt32.random(in: 1...300_000, using: &random) }
            return record
        }
    }

    private func texts(_ side: [Decimal]?) -> [String]? { side?.map { "\($0)" } }

    private func texts(_ side: OHLC) -> [String] {
        [side.open, side.high, side.low, side.close].map { $0.formatted() }
    }

    @Test func `a walk over 10,000 candles has no hole and no repeat, and equals the database to the last digit`()
        throws
    {
        let records = randomCandles(10_000)
        for first in stride(from: 0, to: records.count, by: 1_000) {
            try world.store(records[first..<(first + 1_000)].map(\.envelope))
        }
        var walked: [APICandles.Line] = []
        var from = Self.start.rawValue
        while true {
            let page = try world.value("/candles/EUR_USD/5m?from=\(from)&count=777", as: APICandles.self).candles
            guard let last = page.last else { break }
            walked += page
            from = last.time + 1
        }
        let stored = try SQLiteReader(path: world.paths.database).last(20_000, Make.eurUSD, .fiveMinutes, .all)
        try #require(walked.count == 10_000 && stored.count == 10_000)
        for (line, candle) in zip(walked, stored) {
            #expect(line.time == candle.timestamp)
            #expect(texts(line.bid) == texts(candle.bid) && texts(line.ask) == texts(candle.ask))
            #expect(texts(line.mid) == texts(candle.mid) && line.ticks == candle.tickCount)
            #expect(line.complete == candle.isComplete && line.blindMilliseconds == candle.blindMilliseconds)
        }
        #expect(try times("?count=10000").count == 10_000)
    }

    @Test func `a candle shows where it came from, and null for a side without a tick`() throws {
        var oneSided = candle(0, flags: [.partial, .sideMissing])
        (oneSided.ask, oneSided.mid, oneSided.lostUpdates) = (.zero, .zero, 2)
        try world.store([oneSided.envelope, Make.candle(Self.start + 300, source: .bought).envelope])
        let text = world.get("/candles/EUR_USD/5m").text
        let first = #"""
            {"time":1778572800,"bid":[1.01,1.01,1.01,1.01],"ask":null,"mid":null,"ticks":1,"complete":false,\#
            "source":"streamed","revision":1,"blindMilliseconds":0,"lostUpdates":2,"disputed":false,"forming":false}
            """#
        #expect(text.hasPrefix(#"{"pair":"EUR_USD","timeframe":"5m","candles":[\#(first),{"#), "\(text)")
        #expect(text.contains(#""complete":true,"source":"bought""#))
    }

    @Test func `a candle is disputed if the broker's own reaches beyond it`() throws {
        var native = Make.candle(Self.start, price: "1.01", source: .native)
        native.bid.high = Price("9")!
        try world.store([candle(0).envelope, candle(1).envelope])
        try world.store([native.envelope], stream: .native)
        let lines = try world.value("/candles/EUR_USD/5m", as: APICandles.self).candles
        #expect(lines.map(\.disputed) == [true, false])
    }

    // MARK: Ranges

    @Test func `without a time the last come; with from the first from there; with to alone the last before it`() throws
    {
        try world.store((0..<6).map { candle($0, flags: $0 == 4 ? .partial : []).envelope })
        let (second, fourth) = (Self.start.rawValue + 300, Self.start.rawValue + 900)
        #expect(try times("") == [0, 1, 2, 3, 4, 5])
        #expect(try times("?count=2") == [4, 5])
        #expect(try times("?count=2&selection=complete") == [3, 5])
        #expect(try times("?from=\(second)&count=2") == [1, 2])
        #expect(try times("?from=\(second).5&count=2") == [2, 3])
        #expect(try times("?to=\(fourth)&count=2") == [1, 2])
        #expect(try times("?to=\(fourth).5&count=2") == [2, 3])
        #expect(try times("?from=\(second)&to=\(fourth)") == [1, 2])
        #expect(try times("?from=2026-05-12T08:20:00Z") == [4, 5])
        #expect(try times("?from=\(second)&to=\(second)").isEmpty)
    }

    @Test func `pairs and timeframes are read as everywhere`() throws {
        try world.store([candle(0).envelope])
        for path in ["EURUSD/5m", "eur_usd/5", "EUR_USD/5m"] {
            #expect(try world.value("/candles/\(path)", as: APICandles.self).pair == "EUR_USD")
        }
    }

    @Test func `what is not stored but configured is empty, anything else does not exist`() throws {
        try world.store([candle(0).envelope, Make.candle(Self.start, minutes: 60, pair: Pair("DE40")!).envelope])
        #expect(try world.value("/candles/GBP_USD/15m", as: APICandles.self).candles.isEmpty)
        #expect(try world.value("/candles/DE40/1h", as: APICandles.self).candles.count == 1)
        let wrong = [
            ("AAA_BBB/5m", "there is no pair AAA_BBB here: /api/v1/pairs lists all pairs"),
            ("EUR_USD/1h", "EUR_USD has no candles of 1h here: it has those of 5m, 15m"),
            ("EUR-USD/5m", "'EUR-USD' is no name of a pair: write it as EUR_USD"),
            ("EUR_USD/7m", "'7m' is not a timeframe: write minutes, hours or a day that divide a day: 5m, 1h, 1d"),
        ]
        for (path, message) in wrong {
            let answer = world.get("/candles/\(path)")
            #expect(answer.status == 404 && answer.message == message, "\(answer.text)")
        }
    }

    // MARK: The forming candle

    private func form(_ place: Int64) {
        world.live.set(quotes: [:], candles: [Series(Make.eurUSD, .fiveMinutes): Candle(candle(place))])
    }

    @Test func `the forming candle comes last if it is asked for and follows those found`() throws {
        try world.store((0..<3).map { candle($0).envelope })
        form(3)
        #expect(try times("") == [0, 1, 2])
        let lines = try world.value("/candles/EUR_USD/5m?forming=true&count=1", as: APICandles.self).candles
        #expect(lines.map(\.forming) == [false, true] && lines.map(\.complete) == [true, false])
        let third = Self.start.rawValue + 600
        #expect(try times("?forming=true&from=\(third)") == [2, 3])
        #expect(try times("?forming=true&from=\(third)&count=1") == [2], "stored candles may follow a full page")
        #expect(try times("?forming=true&from=\(third + 1)") == [3])
        #expect(try times("?forming=true&to=\(third)") == [0, 1])
        #expect(try times("?forming=false&count=1") == [2])
    }

    @Test func `a forming candle that is stored meanwhile does not come twice`() throws {
        try world.store((0..<4).map { candle($0).envelope })
        form(3)
        #expect(try times("?forming=true&count=2") == [2, 3])
    }
}
