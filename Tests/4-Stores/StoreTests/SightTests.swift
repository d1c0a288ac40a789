import MarketData
import Store
import Testing
import TestKit
import Wire

/// The sight of the feed and of each pair.
@Suite struct SightTests {
    let folder = TemporaryFolder()
    private let usdJPY = Pair("USD_JPY")!
    /// 2026-05-12 08:00 UTC, a Tuesday.
    private static let start: UTCSeconds = 1_778_572_800

    private func time(_ place: Int64) -> UTCNanos { UTCNanos(seconds: Self.start + place * 300) }

    /// An event recorded at a position.
    private func event(
        _ event: FeedEvent, _ position: UInt64, pair: Pair = .none, at place: Int64 = 0
    ) -> CandleEnvelope {
        var record = Make.feed(event, pair: pair, at: Double(Self.start.rawValue + place * 300))
        record.position = position
        return .feed(record)
    }

    private func reader(_ engine: EngineUnderTest, _ records: [CandleEnvelope]) throws -> any CandleQueries {
        try reader(engine, [.main: records])
    }

    private func reader(
        _ engine: EngineUnderTest, _ records: [Collector: [CandleEnvelope]]
    ) throws -> any CandleQueries {
        let store = try engine.writer(folder)
        for (collector, records) in records.sorted(by: { $0.key < $1.key }) {
            _ = try store.write(
                records, collector: collector, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        }
        return try engine.reader(folder)
    }

    private func covers(_ sight: Sight, _ place: Int64, _ pair: Pair) -> Bool {
        sight.covers(time(place).seconds..<time(place + 1).seconds, of: pair)
    }

    /// The feed is seen from place 0 to 20.
    private var seen: [CandleEnvelope] {
        let zero = UTCNanos(rawValue: 0)
        return [
            event(.blindBegan(since: zero), 1), event(.blindEnded(from: zero, until: time(0)), 2),
            event(.sessionPreserved, 99, at: 20),
        ]
    }

    @Test(arguments: EngineUnderTest.all)
    func `a pair's blindness is its own, the feed's is everybody's`(engine: EngineUnderTest) throws {
        let records = [
            event(.subscriptionEnded, 3, pair: Make.eurUSD, at: 4),
            event(.blindBegan(since: time(4)), 4, pair: Make.eurUSD, at: 4),
            event(.blindEnded(from: time(4), until: time(6)), 5, pair: Make.eurUSD, at: 6),
            event(.blindEnded(from: time(8), until: time(9)), 6, at: 9),
            event(.instrumentRefused(code: 17), 7, pair: usdJPY, at: 12),
            event(.blindBegan(since: time(12)), 8, pair: usdJPY, at: 12),
        ]
        let reader = try reader(engine, seen + records)
        let sight = try Sight(reader)
        #expect((0..<20).filter { !covers(sight, $0, Make.eurUSD) } == [4, 5, 8])
        #expect((0..<20).filter { !covers(sight, $0, usdJPY) } == [8] + Array(12..<20))
        #expect((0..<20).filter { !covers(sight, $0, Pair("GBP_USD")!) } == [8])
        #expect(!covers(sight, 20, Make.eurUSD) && !covers(sight, -1, Make.eurUSD))
        let told = try reader.continuity(of: .main)
        #expect(told.blindSince == nil && told.holes == [time(8)..<time(9)])
        #expect(told.blindPairs.map(\.pair) == ["USD_JPY"] && told.blindPairs.first?.since == time(12))
        #expect(told.blindPairs.first?.reason?.event == "instrument refused")
    }

    @Test(arguments: EngineUnderTest.all)
    func `a pair that was refused from the start is not seen before its first sight`(engine: EngineUnderTest) throws {
        let zero = UTCNanos(rawValue: 0)
        let refused = [
            event(.blindBegan(since: zero), 3, pair: usdJPY), event(.instrumentRefused(code: 1), 4, pair: usdJPY),
        ]
        let sight = try Sight(try reader(engine, seen + refused))
        #expect((0..<20).allSatisfy { !covers(sight, $0, usdJPY) && covers(sight, $0, Make.eurUSD) })
        #expect(sight.expectedSince(usdJPY, oldestCandle: nil) == Self.start)
        #expect(sight.expectedSince(usdJPY, oldestCandle: Self.start + 900) == Self.start)
        #expect(sight.expectedSince(Make.eurUSD, oldestCandle: nil) == nil)
        let taken = try Sight(
            try reader(engine, [event(.blindEnded(from: zero, until: time(5)), 5, pair: usdJPY, at: 5)]))
        #expect((0..<20).filter { covers(taken, $0, usdJPY) } == Array(5..<20))
    }

    @Test(arguments: EngineUnderTest.all)
    func `a wrong time that was taken back does not stand for sight`(engine: EngineUnderTest) throws {
        let wrong = UTCNanos(seconds: 4_080_000_000)
        var candle = Make.candle(4_080_000_000)
        candle.inputPosition = 50
        var ahead = Make.feed(.sessionPreserved, at: 4_080_000_000)
        ahead.position = 50
        let before = try reader(
            engine, seen.dropLast() + [.feed(ahead), candle.envelope, Make.candle(Self.start).envelope])
        #expect(try before.continuity(of: .main).newest == wrong)
        let reset = event(.clockSetBack(from: wrong, to: time(10)), 60, at: 10)
        let after = try reader(engine, [reset])
        #expect(try after.continuity(of: .main).newest == time(10))
        #expect(try after.newestStreamed(Series(Make.eurUSD, .fiveMinutes)) == Self.start)
        let sight = try Sight(after)
        #expect(covers(sight, 9, Make.eurUSD) && !covers(sight, 10, Make.eurUSD))
        _ = try reader(engine, [event(.sessionPreserved, 61, at: 12)])
        #expect(try after.continuity(of: .main).newest == time(12))
    }

    @Test(arguments: EngineUnderTest.all)
    func `what says that a pair is blind outlives deletion by age`(engine: EngineUnderTest) throws {
        let reader = try reader(
            engine,
            seen + [
                event(.blindBegan(since: time(1)), 3, pair: Make.eurUSD, at: 1),
                event(.blindEnded(from: time(1), until: time(2)), 4, pair: Make.eurUSD, at: 2),
                event(.blindBegan(since: time(3)), 5, pair: Make.eurUSD, at: 3),
            ])
        _ = try engine.writer(folder).forget(before: time(15)) {}
        let told = try reader.continuity(of: .main)
        #expect(told.blindPairs.map(\.since) == [time(3)] && told.blindSince == nil)
        #expect(try reader.events(last: 9).map(\.position) == [99, 5])
    }

    // MARK: Several collectors

    private static let eu = Collector("eu")!

    private func candle(_ place: Int64, _ pair: Pair = Make.eurUSD, flags: CandleFlags = []) -> CandleEnvelope {
        Make.candle(time(place).seconds, pair: pair, flags: flags).envelope
    }

    private func unseen(_ sight: Sight, _ pair: Pair) -> [Int64] { (0..<20).filter { !covers(sight, $0, pair) } }

    @Test(arguments: EngineUnderTest.all)
    func `a hole of one collector does not count while another sees the pair`(engine: EngineUnderTest) throws {
        let main = seen + [event(.blindEnded(from: time(8), until: time(10)), 3, at: 10), candle(0), candle(0, usdJPY)]
        let eu = seen + [event(.blindEnded(from: time(9), until: time(12)), 3, at: 12), candle(0)]
        let sight = try Sight(try reader(engine, [.main: main, Self.eu: eu]))
        // Both were blind in place 9; of USD_JPY one of them knows nothing at any time.
        #expect(unseen(sight, Make.eurUSD) == [9])
        #expect(unseen(sight, usdJPY) == [8, 9])
        #expect(sight.holesEnd == time(10).seconds)
    }

    @Test(arguments: EngineUnderTest.all)
    func `two halves that two collectors saw are seen`(engine: EngineUnderTest) throws {
        let half = UTCNanos(rawValue: (time(8).rawValue + time(9).rawValue) / 2)
        let main = seen + [event(.blindEnded(from: half, until: time(10)), 3, at: 10), candle(0)]
        let eu = seen + [event(.blindEnded(from: time(6), until: half), 3, at: 9), candle(0)]
        let sight = try Sight(try reader(engine, [.main: main, Self.eu: eu]))
        #expect(unseen(sight, Make.eurUSD).isEmpty && sight.holesEnd.rawValue == 0)
    }

    @Test(arguments: EngineUnderTest.all)
    func `two halves with a second between that nobody saw are not seen`(engine: EngineUnderTest) throws {
        let half = UTCNanos(rawValue: (time(8).rawValue + time(9).rawValue) / 2)
        let main = seen + [event(.blindEnded(from: half, until: time(10)), 3, at: 10), candle(0)]
        let end = UTCNanos(rawValue: half.rawValue + UTCNanos.perSecond / 2)
        let eu = seen + [event(.blindEnded(from: time(6), until: end), 3, at: 9), candle(0)]
        let sight = try Sight(try reader(engine, [.main: main, Self.eu: eu]))
        #expect(unseen(sight, Make.eurUSD) == [8])
        #expect(sight.holesEnd == end.seconds + .seconds(1))
    }

    @Test(arguments: EngineUnderTest.all)
    func `a collector that was added later sees nothing of before, nor of pairs that it does not stream`(
        engine: EngineUnderTest
    ) throws {
        let main = seen + [event(.blindEnded(from: time(3), until: time(4)), 3, at: 4), candle(0)]
        let eu = seen + [candle(5), candle(12, usdJPY)]
        let sight = try Sight(try reader(engine, [.main: main, Self.eu: eu]))
        #expect(unseen(sight, Make.eurUSD) == [3], "eu has no candle before place 5")
        #expect(unseen(sight, usdJPY) == Array(0..<12))
        #expect(unseen(sight, Pair("GBP_USD")!) == Array(0..<20), "nobody streams it")
    }

    /// The first candle of a collector begins before its first sight, the longer its timeframe the more.
    @Test(arguments: EngineUnderTest.all)
    func `a collector sees nothing before its first sight, although its first candle begins there`(
        engine: EngineUnderTest
    ) throws {
        let zero = UTCNanos(rawValue: 0)
        let main = seen + [event(.blindBegan(since: time(3)), 3, at: 4), candle(0)]
        let eu = [
            event(.blindBegan(since: zero), 1), event(.blindEnded(from: zero, until: time(6)), 2),
            candle(2, flags: .partial), candle(7), event(.sessionPreserved, 99, at: 20),
        ]
        let sight = try Sight(try reader(engine, [.main: main, Self.eu: eu]))
        #expect(unseen(sight, Make.eurUSD) == [3, 4, 5])
    }

    @Test(arguments: EngineUnderTest.all)
    func `a collector that stopped does not see what another streams on`(engine: EngineUnderTest) throws {
        let zero = UTCNanos(rawValue: 0)
        let first = [event(.blindBegan(since: zero), 1), event(.blindEnded(from: zero, until: time(0)), 2)]
        let main = seen + [event(.blindEnded(from: time(8), until: time(9)), 3, at: 9), candle(0), candle(15)]
        // Its last word is its candle of place 6.
        let eu = first + [candle(0), candle(6)]
        let sight = try Sight(try reader(engine, [.main: main, Self.eu: eu]))
        #expect(unseen(sight, Make.eurUSD) == [8])
        let alone = try Sight(try reader(engine, [Self.eu: [candle(6, usdJPY)]]))
        #expect(unseen(alone, usdJPY) == (0..<20).filter { $0 != 6 })
    }

    @Test(arguments: EngineUnderTest.all)
    func `a collector of another name alone is the only one`(engine: EngineUnderTest) throws {
        let hole = event(.blindEnded(from: time(8), until: time(9)), 3, at: 9)
        let sight = try Sight(try reader(engine, [Self.eu: seen + [hole]]))
        #expect(unseen(sight, Make.eurUSD) == [8] && sight.holesEnd == time(9).seconds)
    }
}
