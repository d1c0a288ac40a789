import Host
import MarketData
import Store
import Testing
import TestKit
import Wire

/// The broker's own candles beside ours, whichever comes first.
@Suite struct SecondOpinionTests {
    let folder = TemporaryFolder()

    private static func candle(
        _ start: UTCSeconds = 300, bid: (String, String, String, String) = ("1.1", "1.3", "1.0", "1.2"),
        source: CandleSource = .streamed, flags: CandleFlags = [], revision: UInt16 = 1
    ) -> CandleRecord {
        var candle = Make.candle(start, price: "1.5", source: source, revision: revision, flags: flags)
        candle.bid = OHLC(open: Price(bid.0)!, high: Price(bid.1)!, low: Price(bid.2)!, close: Price(bid.3)!)
        return candle
    }

    private static let native = candle(source: .native)

    @discardableResult
    private func write(_ store: any CandleWriter, _ records: CandleRecord...) throws -> [CandleRecord] {
        let seen = try store.write(
            records.map(\.envelope), collector: .main, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        // Readers of the stored stream leave out what has no valid checksum.
        for record in seen where record.flags.contains(.disputed) {
            #expect(record.bytes.withUnsafeBytes { CandleEnvelope(bytes: $0) } != nil)
        }
        return seen
    }

    /// Of the newest interval from `start` on.
    private func verdict(_ engine: EngineUnderTest, _ start: UTCSeconds = 300) throws -> OpinionVerdict? {
        try engine.reader(folder).agreements(of: [], since: start).first?.counts.keys.first
    }

    private func stored(_ engine: EngineUnderTest) throws -> CandleRecord? {
        try engine.reader(folder).record(Series(Make.eurUSD, .fiveMinutes), start: 300)?.record
    }

    @Test(arguments: EngineUnderTest.all)
    func `an opinion waits for our candle, and is no candle itself`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        #expect(try write(store, Self.native).isEmpty)
        #expect(try verdict(engine) == .waiting)
        #expect(try engine.reader(folder).last(5, Make.eurUSD, .fiveMinutes, .all).isEmpty)
        try write(store, Self.candle())
        #expect(try verdict(engine) == .agrees)
        #expect(try stored(engine)?.flags == [])
    }

    @Test(
        arguments: EngineUnderTest.all,
        [
            (("1.1", "1.29", "1.0", "1.2"), OpinionVerdict.disputed),
            (("1.1", "1.3", "1.01", "1.2"), OpinionVerdict.disputed),
            (("1.1", "1.31", "0.99", "1.2"), OpinionVerdict.differs),
            (("1.15", "1.3", "1.0", "1.2"), OpinionVerdict.differs),
            (("1.1", "1.3", "1.0", "1.25"), OpinionVerdict.differs),
        ])
    func `an extreme of the broker's outside ours is disputed`(
        engine: EngineUnderTest, _ example: (bid: (String, String, String, String), expected: OpinionVerdict)
    ) throws {
        for opinionIsFirst in [true, false] {
            let folder = TemporaryFolder()
            let store = try engine.writer(folder)
            let ours = Self.candle(bid: example.bid)
            let seen = try write(store, opinionIsFirst ? Self.native : ours, opinionIsFirst ? ours : Self.native)
            let reader = try engine.reader(folder)
            let agreement = try #require(try reader.agreements(of: [], since: 0).first)
            #expect(agreement.counts == [example.expected: 1])
            #expect(seen.last?.flags == (example.expected == .disputed ? .disputed : []))
            // Observed only: bots read it as before.
            #expect(try reader.last(1, Make.eurUSD, .fiveMinutes).count == 1)
            let difference = try #require(try reader.differences(of: [], since: 0).first)
            #expect(difference.native.bid == Self.native.bid && difference.streamed?.bid == ours.bid)
            #expect(try reader.disputed(since: 300).count == (example.expected == .disputed ? 1 : 0))
            #expect(try reader.disputed(since: 600).count == 0)
        }
    }

    @Test(arguments: EngineUnderTest.all)
    func `what is enforced makes a disputed candle partial, until a late tick settles it`(engine: EngineUnderTest)
        throws
    {
        let store = try engine.writer(folder, enforcesOpinions: true)
        let wrong = Self.candle(bid: ("1.1", "1.29", "1.0", "1.2"))
        try write(store, wrong)
        let seen = try write(store, Self.native)
        #expect(seen.map(\.flags) == [[.disputed, .partial]])
        let reader = try engine.reader(folder)
        #expect(try reader.last(5, Make.eurUSD, .fiveMinutes).isEmpty)
        #expect(try reader.starts(Series(Make.eurUSD, .fiveMinutes), in: 0..<900).partial == [300])
        // The same candle again, as after a restart, stays disputed.
        try write(store, wrong)
        #expect(try stored(engine)?.flags == [.disputed, .partial])
        #expect(try verdict(engine) == .disputed)
        try write(store, Self.candle(flags: .late, revision: 2))
        #expect(try stored(engine)?.flags == .late)
        #expect(try verdict(engine) == .agrees)
        #expect(try reader.last(5, Make.eurUSD, .fiveMinutes).count == 1)
    }

    @Test(arguments: EngineUnderTest.all)
    func `a bought candle takes the place of one whose dispute is enforced`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder, enforcesOpinions: true)
        try write(store, Self.candle(bid: ("1.1", "1.29", "1.0", "1.2")), Self.candle(source: .bought))
        #expect(try stored(engine)?.source == .streamed)
        let seen = try write(store, Self.native)
        #expect(seen.map(\.source) == [.bought])
        #expect(seen.allSatisfy { $0.bytes.withUnsafeBytes { CandleEnvelope(bytes: $0) } != nil })
        #expect(try engine.reader(folder).disputed(since: 0).count == 0)
        #expect(try stored(engine)?.source == .bought)
        #expect(try verdict(engine) == .disputed)
    }

    @Test(arguments: EngineUnderTest.all)
    func `an older revision does not take a disputed one's place`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder, enforcesOpinions: true)
        let wrong = ("1.1", "1.29", "1.0", "1.2")
        try write(store, Self.candle(bid: wrong, revision: 2), Self.native, Self.candle(bid: wrong))
        #expect(try stored(engine)?.revision == 2)
        #expect(try stored(engine)?.flags == [.disputed, .partial])
    }

    @Test(arguments: EngineUnderTest.all)
    func `a candle that enforcement made partial is complete again under observation`(engine: EngineUnderTest) throws {
        let wrong = Self.candle(bid: ("1.1", "1.29", "1.0", "1.2"))
        do {
            let store = try engine.writer(folder, enforcesOpinions: true)
            try write(store, wrong, Self.native)
            try store.close()
        }
        let store = try engine.writer(folder)
        try write(store, Self.native)
        #expect(try stored(engine)?.flags == .disputed)
    }

    @Test(arguments: EngineUnderTest.all)
    func `a streamed candle that a bought one outranks is compared too`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        try write(store, Self.candle(source: .bought), Self.native)
        #expect(try verdict(engine) == .waiting)
        try write(store, Self.candle(flags: .partial))
        #expect(try verdict(engine) == .partial)
    }

    @Test(arguments: EngineUnderTest.all)
    func `a candle that is partial anyhow is not judged`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder, enforcesOpinions: true)
        try write(store, Self.candle(bid: ("1.1", "1.29", "1.0", "1.2"), flags: .partial), Self.native)
        #expect(try verdict(engine) == .partial)
        #expect(try stored(engine)?.flags == .partial)
        // Withdrawn later for another reason: what was disputed is now known to be partial.
        try write(store, Self.candle(600, bid: ("1.1", "1.29", "1.0", "1.2")), Self.candle(600, source: .native))
        #expect(try verdict(engine, 600) == .disputed)
        try write(
            store,
            Self.candle(600, bid: ("1.1", "1.29", "1.0", "1.2"), flags: [.partial, .withdrawn], revision: 2))
        #expect(try verdict(engine, 600) == .partial)
    }

    @Test(arguments: EngineUnderTest.all)
    func `the broker's later word counts`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        try write(store, Self.candle(), Self.candle(bid: ("1.1", "1.35", "1.0", "1.2"), source: .native))
        #expect(try verdict(engine) == .disputed)
        try write(store, Self.native)
        #expect(try verdict(engine) == .agrees)
        #expect(try stored(engine)?.flags == [])
    }

    @Test(arguments: EngineUnderTest.all)
    func `opinions are deleted with the candles`(engine: EngineUnderTest) throws {
        let store = try engine.writer(folder)
        try write(store, Self.candle(), Self.native)
        _ = try store.forget(before: UTCNanos(seconds: 600)) {}
        #expect(try verdict(engine) == nil)
    }
}
