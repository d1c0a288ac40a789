import Host
import MarketData
import Store
import Testing
import TestKit
import Wire

/// Several collectors in one store. Source: docs/decisions/0036-collectors.md.
@Suite struct CollectorStoreTests {
    let folder = TemporaryFolder()
    private static let eu = Collector("eu")!
    private static let series = Series(Make.eurUSD, .fiveMinutes)

    @discardableResult
    private static func write(
        _ store: any CandleWriter, _ records: [CandleEnvelope], _ collector: Collector, stream: Wire.Stream = .candles,
        position: UInt64 = 1
    ) throws -> [CandleRecord] {
        try store.write(
            records, collector: collector, stream: stream, position: position, now: UTCNanos(seconds: 5))
    }

    private static func candle(_ start: UTCSeconds, ticks: UInt32, revision: UInt16 = 1, flags: CandleFlags = [])
        -> CandleEnvelope
    {
        var candle = Make.candle(start, price: "\(ticks)", revision: revision, flags: flags)
        candle.tickCount = ticks
        return candle.envelope
    }

    /// What an interval keeps: collector and ticks, first of the candle that readers see.
    private static func kept(_ reader: any CandleQueries, _ start: UTCSeconds) throws -> [String] {
        let seen = try [reader.record(series, start: start)].compactMap { $0 }
        return try (seen + reader.outranked(series, start: start)).map { "\($0.collector) \($0.record.tickCount)" }
    }

    /// Revisions of one collector are compared with each other, those of two never: a whole first, a withdrawn second and
    /// another's partial third would end differently by their order.
    @Test(arguments: EngineUnderTest.all)
    func `in every order the best of each collector is kept, and the best of all is seen`(engine: EngineUnderTest)
        throws
    {
        let store = try engine.writer(folder)
        let reader = try engine.reader(folder)
        let arrivals: [(Collector, UInt32, UInt16, CandleFlags)] = [
            (.main, 10, 1, []), (.main, 8, 2, [.partial, .withdrawn]), (Self.eu, 9, 3, .partial),
            (Self.eu, 7, 1, .partial),
            (.main, 3, 1, .partial),
        ]
        for (index, order) in permutations(Array(arrivals.indices)).enumerated() {
            let start = UTCSeconds(rawValue: Int64(index + 1) * 300)
            for place in order {
                let (collector, ticks, revision, flags) = arrivals[place]
                let records = [Self.candle(start, ticks: ticks, revision: revision, flags: flags)]
                try Self.write(store, records, collector)
                #expect(try Self.write(store, records, collector).isEmpty, "repeated, order \(order)")
            }
            #expect(try Self.kept(reader, start) == ["eu 9", "main 8"], "order \(order)")
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func `a hole of one is filled by the other, and the change is returned once`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        let partial = Self.candle(300, ticks: 5, flags: .partial)
        #expect(try Self.write(store, [partial], .main).count == 1)
        #expect(try Self.write(store, [Self.candle(300, ticks: 4)], Self.eu).map(\.tickCount) == [4])
        let reader = try engine.reader(folder)
        #expect(try reader.last(9, Make.eurUSD, .fiveMinutes).map(\.collector) == [Self.eu])
        #expect(try Self.kept(reader, 300) == ["eu 4", "main 5"])
        // It is withdrawn: the other's part is better again.
        let withdrawn = Self.candle(300, ticks: 4, revision: 2, flags: [.partial, .withdrawn])
        #expect(try Self.write(store, [withdrawn], Self.eu).map(\.tickCount) == [5])
        #expect(try Self.kept(reader, 300) == ["main 5", "eu 4"])
        #expect(try reader.streamed(Self.series, in: 0..<600).map(\.collector) == [Self.eu, .main])
    }

    @Test(arguments: EngineUnderTest.all)
    func `of two whole candles more ticks win, then the name`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        let reader = try engine.reader(folder)
        for (index, order) in [[Collector.main, Self.eu], [Self.eu, .main]].enumerated() {
            let start = UTCSeconds(rawValue: Int64(index + 1) * 600)
            for collector in order {
                try Self.write(store, [Self.candle(start, ticks: collector == .main ? 7 : 6)], collector)
                try Self.write(store, [Self.candle(start + .seconds(300), ticks: 7)], collector)
            }
            #expect(try Self.kept(reader, start) == ["main 7", "eu 6"])
            #expect(try Self.kept(reader, start + .seconds(300)) == ["eu 7", "main 7"])
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func `positions, events and requests are by collector`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        func event(_ count: Int64) -> CandleEnvelope {
            var event = Make.feed(.updatesLost(count: LossCount(clamping: count)), pair: Make.eurUSD, at: Double(count))
            event.seal(position: 17)
            return CandleEnvelope.feed(event)
        }
        let request = HistoryRequest(
            series: Self.series, first: 300, last: 600, points: 2, sent: UTCNanos(seconds: 9), isRepair: false)
        var sent = RequestRecord(request).envelope
        sent.inputPosition = 4
        try Self.write(store, [event(7)], .main, position: 3)
        try Self.write(store, [event(8), sent], Self.eu, position: 5)
        #expect(try store.position(of: .candles, collector: .main) == 3)
        #expect(try store.position(of: .candles, collector: Self.eu) == 5)
        let reader = try engine.reader(folder)
        #expect(try reader.collectors() == [Self.eu, .main])
        #expect(try reader.position(of: .history, collector: Self.eu) == 4)
        #expect(try reader.position(of: .history, collector: .main) == 0)
        #expect(try reader.continuity(of: Self.eu).lostUpdates == 8)
        #expect(try reader.continuity(of: .main).lostUpdates == 7)
        #expect(try reader.events(last: 9).map(\.collector) == [Self.eu, .main])
        #expect(try reader.events(last: 1).map(\.detail) == [8])
        #expect(try reader.events(in: Make.nanos(0)..<Make.nanos(99)).map(\.collector) == [.main, Self.eu])
        #expect(try reader.ledger(of: Self.eu).count == 1 && reader.ledger(of: .main).isEmpty)
    }

    @Test(arguments: EngineUnderTest.all)
    func `a time that was set back touches the candles of its collector alone`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        let reader = try engine.reader(folder)
        var reset = Make.feed(.clockSetBack(from: Make.nanos(9_000), to: Make.nanos(900)), at: 900)
        reset.seal(position: 50)
        try Self.write(
            store, [CandleEnvelope.feed(reset), Self.candle(300, ticks: 1), Self.candle(6_000, ticks: 1)], .main)
        #expect(try reader.newest(Self.series) == 300)
        try Self.write(store, [Self.candle(3_000, ticks: 1)], Self.eu)
        #expect(try reader.newest(Self.series) == 3_000 && reader.newestStreamed(Self.series) == 3_000)
    }

    @Test(arguments: EngineUnderTest.all)
    func `since when a collector streams a pair is kept, whatever the order`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        try Self.write(store, [Self.candle(900, ticks: 1), Self.candle(600, ticks: 1)], Self.eu)
        try Self.write(store, [Self.candle(1_200, ticks: 1)], Self.eu)
        try Self.write(store, [Make.candle(300, source: .bought).envelope], .main)
        let reader = try engine.reader(folder)
        #expect(try reader.streamedSince(by: Self.eu) == [Make.eurUSD: 600])
        #expect(try reader.streamedSince(by: .main).isEmpty)
        #expect(try reader.streamedSince(by: Collector("nobody")!).isEmpty)
    }

    /// Each collector is sent the broker's own candle, and compares it with what it saw itself.
    @Test(arguments: EngineUnderTest.all)
    func `a dispute concerns the candle of its collector`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder, enforcesOpinions: true)
        let reader = try engine.reader(folder)
        var native = Make.candle(300, price: "2", source: .native)
        native.bid.high = Price("9")!
        native.tickCount = 3
        var whole = Make.candle(300, price: "2")
        whole.bid.high = Price("9")!
        whole.tickCount = 3
        try Self.write(store, [Self.candle(300, ticks: 2)], .main)
        try Self.write(store, [native.envelope], .main, stream: .native)
        #expect(try reader.record(Self.series, start: 300)?.record.flags == [.partial, .disputed])
        try Self.write(store, [whole.envelope], Self.eu)
        try Self.write(store, [native.envelope], Self.eu, stream: .native)
        #expect(try reader.record(Self.series, start: 300)?.collector == Self.eu)
        #expect(try reader.record(Self.series, start: 300)?.record.flags == [])
        #expect(try reader.disputed(since: 0).count == 0)
        #expect(try reader.disputedStarts(Self.series, of: .main, in: 300..<301) == [300])
        #expect(try reader.disputedStarts(Self.series, of: .main, in: 0..<300).isEmpty)
        #expect(try reader.disputedStarts(Self.series, of: .main, in: 301..<600).isEmpty)
        #expect(try reader.disputedStarts(Self.series, of: Self.eu, in: 300..<301).isEmpty)
    }
}
