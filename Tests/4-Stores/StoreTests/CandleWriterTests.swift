import Host
import MarketData
import Store
import Testing
import TestKit
import Wire

@Suite struct CandleWriterTests {
    let folder = TemporaryFolder()

    @Test(arguments: EngineUnderTest.all)
    func `rows and position are in one transaction and survive a restart`(engine: EngineUnderTest) throws {
        do {
            let store = try engine.writer(folder)
            #expect(try store.position(of: .candles, collector: .main) == 0)
            #expect(try store.write([Make.candle(300), Make.candle(600)], position: 42).count == 2)
            try store.close()
        }
        let store = try engine.writer(folder)
        #expect(try store.position(of: .candles, collector: .main) == 42)
        #expect(try engine.reader(folder).stored().map(\.timestamp) == [300, 600])
    }

    /// Whole streamed, bought, derived, imported, partial streamed; within a rank the higher revision.
    private static let ranked: [CandleRecord] = [
        Make.candle(300, price: "6", revision: 2), Make.candle(300, price: "4", source: .bought),
        Make.candle(300, price: "3", source: .derived),
        Make.candle(300, price: "2.5", source: .imported),
        Make.candle(300, price: "2", revision: 9, flags: .partial), Make.candle(300, price: "1", flags: .partial),
    ]

    @Test(arguments: EngineUnderTest.all)
    func `the best candle stays, in every order of arrival, and repeating changes nothing`(engine: EngineUnderTest)
        throws
    {
        let store = try engine.writer(folder)
        for (index, order) in permutations(Array(Self.ranked.indices)).enumerated() {
            let pair = Pair.crosses[index % 28]
            let start = UTCSeconds(rawValue: Int64(index / 28 + 1) * 300)
            let candles = order.map { place in
                var candle = Self.ranked[place]
                candle = Make.candle(
                    start, pair: pair, price: candle.bid.open.description, source: candle.source,
                    revision: candle.revision, flags: candle.flags)
                return candle
            }
            try store.write(candles)
            #expect(try store.write(candles).count == 0)
        }
        let reader = try engine.reader(folder)
        let stored = try reader.series().flatMap { try reader.last(100, $0.pair, $0.timeframe, .all) }
        #expect(Set(stored.map(\.mid.close)) == [Price("6")!])
        let count = stored.count
        #expect(count == 720)
    }

    /// A complete streamed candle that is withdrawn, beside a bought and a derived one; or that is complete again at
    /// last.
    @Test(arguments: EngineUnderTest.all, [[0, 1, 2, 3, 4], [0, 1, 2, 4, 5]])
    func `what was outranked comes back when the better one is withdrawn, in every order`(
        engine: EngineUnderTest, places: [Int]
    ) throws {
        let store = try engine.writer(folder)
        func candle(_ place: Int, _ start: UTCSeconds, _ pair: Pair) -> CandleRecord {
            switch place {
            case 0: Make.candle(start, pair: pair, price: "1", revision: 1)
            case 1: Make.candle(start, pair: pair, price: "2", revision: 2, flags: [.partial, .withdrawn])
            case 2: Make.candle(start, pair: pair, price: "3", source: .bought)
            case 3: Make.candle(start, pair: pair, price: "4", source: .derived)
            case 4: Make.candle(start, pair: pair, price: "5", flags: .partial)
            default: Make.candle(start, pair: pair, price: "6", revision: 3)
            }
        }
        let reader = try engine.reader(folder)
        for (index, order) in permutations(places).enumerated() {
            let (pair, start) = (Pair.crosses[index % 28], UTCSeconds(rawValue: Int64(index / 28 + 1) * 300))
            for place in order {
                let seen = try reader.last(50, pair, .fiveMinutes, .all).first { $0.timestamp == start.rawValue }
                let changed = try store.write(
                    [candle(place, start, pair).envelope], collector: .main, stream: .candles, position: 1,
                    now: UTCNanos(seconds: 5))
                let now = try #require(
                    reader.last(50, pair, .fiveMinutes, .all).first { $0.timestamp == start.rawValue })
                #expect((seen?.mid == now.mid) == changed.isEmpty, "\(order) at \(place)")
                if let told = changed.first { #expect(told.mid == now.mid, "\(order) at \(place)") }
            }
        }
        let expected = Price(places.contains(5) ? "6" : "3")!
        let stored = try reader.series().flatMap { try reader.last(100, $0.pair, $0.timeframe, .all) }
        #expect(Set(stored.map(\.mid.close)) == [expected])
    }

    @Test(arguments: EngineUnderTest.all)
    func `requests, replies and empty intervals have their rows, and history its position`(engine: EngineUnderTest)
        throws
    {
        let store = try engine.writer(folder)
        let series = Series(Make.eurUSD, .fiveMinutes)
        let request = HistoryRequest(
            series: series, first: 300, last: 900, points: 3, sent: UTCNanos(seconds: 77), isRepair: true)
        let allowance = HistoryReply.Allowance(remaining: 9_998, total: 10_000, renewal: 1_000)
        let reply = HistoryReply(
            request: 4, outcome: .answered, points: 2, allowance: allowance, received: UTCNanos(seconds: 78),
            clockOffset: -3_600)
        var records = [
            RequestRecord(request).envelope, EmptyRecord(series, start: UTCNanos(seconds: 600)).envelope,
            ReplyRecord(reply, to: request).envelope, RequestRecord(request).envelope,
            EmptyRecord(series, start: UTCNanos(seconds: 900), isUnusable: true).envelope,
        ]
        for index in records.indices { records[index].inputPosition = UInt64(index + 4) }
        for _ in 1...2 { #expect(try store.write(records, position: 9).count == 0) }
        let reader = try engine.reader(folder)
        let ledger = try reader.ledger(of: .main)
        #expect(ledger.map(\.position) == [4, 7] && ledger.map(\.reply) == [reply, nil])
        #expect(ledger.map(\.request) == [request, request])
        let starts = try reader.starts(series, in: 0..<10_000)
        #expect(starts.empty == [600] && starts.unusable == [900])
        #expect(
            try reader.position(of: .history, collector: .main) == 8
                && reader.position(of: .candles, collector: .main) == 9)
    }

    @Test(arguments: EngineUnderTest.all)
    func `each rank beats the next`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        for index in 1..<Self.ranked.count {
            let pair = Pair.crosses[index]
            for place in [index, index - 1] {
                let candle = Self.ranked[place]
                let changed = try store.write(
                    [
                        Make.candle(
                            300, pair: pair, price: candle.bid.open.description, source: candle.source,
                            revision: candle.revision, flags: candle.flags)
                    ])
                #expect(changed.count == 1)
            }
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func `a partial revision that withdraws a complete one takes its place in any order`(engine: EngineUnderTest)
        throws
    {
        let store = try engine.writer(folder)
        func complete(_ start: UTCSeconds) throws -> Bool? {
            try engine.reader(folder).stored().first { $0.timestamp == start.rawValue }?.isComplete
        }
        for start: UTCSeconds in [300, 600] {
            let whole = Make.candle(start, price: "1", revision: 1)
            let withdrawn = Make.candle(start, price: "1", revision: 2, flags: [.partial, .withdrawn])
            try store.write(start == 300 ? [whole, withdrawn] : [withdrawn, whole])
            #expect(try complete(start) == false)
            try store.write([Make.candle(start, price: "2", revision: 3), withdrawn, whole])
            #expect(try complete(start) == true)
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func `a withdrawn candle gives way to a bought one`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        for start: UTCSeconds in [300, 600] {
            let withdrawn = Make.candle(start, price: "1", revision: 2, flags: [.partial, .withdrawn])
            let bought = Make.candle(start, price: "3", source: .bought)
            try store.write(start == 300 ? [withdrawn, bought] : [bought, withdrawn])
        }
        #expect(try engine.reader(folder).stored().map(\.source) == [.bought, .bought])
    }

    @Test(arguments: EngineUnderTest.all)
    func `old candles and events are deleted, the others stay`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        var event = Make.feed(.sessionNew, at: 400)
        event.seal(position: 1)
        try store.write([Make.candle(300), Make.candle(600), Make.candle(600, minutes: 15)])
        try store.write([CandleEnvelope.feed(event)])
        #expect(try store.forget(before: UTCNanos(seconds: 600)) {} == 1)
        let reader = try engine.reader(folder)
        let statistics = try reader.statistics()
        #expect(statistics.map(\.count) == [1, 1] && statistics.map(\.oldest) == [600, 600])
        #expect(try reader.events(last: 9).isEmpty && reader.forgottenBefore() == 600)
    }

    @Test(arguments: EngineUnderTest.all)
    func `feed events reach the database once`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        var event = Make.feed(.updatesLost(count: 7), pair: Make.eurUSD, at: 99)
        event.seal(position: 17)
        for _ in 0..<2 { try store.write([CandleEnvelope.feed(event)]) }
        let expected = StoredEvent(
            collector: .main, position: 17, time: Make.nanos(99), received: event.receiveTime, pair: "EUR_USD",
            event: "updates lost", detail: 7, until: 0)
        #expect(try engine.reader(folder).events(last: 9) == [expected])
    }

    @Test(arguments: EngineUnderTest.all)
    func `a hole is stored beside the event whose position it took`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        let lost = FeedEvent.blindBegan(since: UTCNanos(seconds: 0))
        let hole = FeedEvent.blindEnded(from: UTCNanos(seconds: 90), until: UTCNanos(seconds: 99))
        for event in [lost, hole, lost, hole] {
            var record = Make.feed(event, at: 99)
            record.seal(position: 3)
            try store.write([CandleEnvelope.feed(record)])
        }
        let events = try engine.reader(folder).events(last: 9)
        #expect(events.map(\.event) == ["blind began", "blind ended"] && Set(events.map(\.position)) == [3])
    }

    @Test(arguments: EngineUnderTest.all)
    func `a second writer is refused, and the error names the first`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        let failure = #expect(throws: Failure.self) { try engine.writer(folder) }
        #expect(failure?.code == .temporary && failure?.description.contains(" holds /") == true)
        try store.close()
    }

    @Test(arguments: EngineUnderTest.all)
    func `a reader says where it looked for a database`(engine: EngineUnderTest) throws {
        let failure = #expect(throws: Failure.self) { try engine.reader(folder) }
        #expect(failure?.code == .unavailable && failure?.description.contains(folder.name) == true)
    }
}
