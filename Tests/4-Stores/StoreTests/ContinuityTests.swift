import MarketData
import Store
import Testing
import TestKit
import Wire

@Suite struct ContinuityTests {
    /// The reader's result of these events, in order.
    private func continuity(_ engine: EngineUnderTest, _ events: [(FeedEvent, Double)]) throws -> Continuity {
        let folder = TemporaryFolder()
        let store = try engine.writer(folder)
        let records = events.enumerated().map { index, event in
            var record = Make.feed(event.0, at: event.1)
            record.seal(position: UInt64(index + 1))
            return CandleEnvelope.feed(record)
        }
        _ = try store.write(records, collector: .main, stream: .candles, position: 1, now: UTCNanos(seconds: 5))
        return try engine.reader(folder).continuity(of: .main)
    }

    private func seconds(_ holes: [Range<UTCNanos>]) -> [[Double]] {
        holes.map { [$0.lowerBound, $0.upperBound].map { Double($0.rawValue) / 1e9 } }
    }

    private func hole(_ from: Double, _ until: Double) -> FeedEvent {
        .blindEnded(from: Make.nanos(from), until: Make.nanos(until))
    }

    @Test(arguments: EngineUnderTest.all)
    func `without events nothing is known`(engine: EngineUnderTest) throws {
        #expect(try continuity(engine, []) == Continuity())
    }

    @Test(arguments: EngineUnderTest.all)
    func `sessions, resent and lost updates are counted`(engine: EngineUnderTest) throws {
        let told = try continuity(
            engine,
            [
                (.sessionNew, 1), (.sessionPreserved, 2), (.sessionPreserved, 3), (.sessionRecovered(resent: 4), 4),
                (.sessionRecovered(resent: 0), 5), (.sessionReplaced, 6), (.updatesLost(count: 3), 7),
                (.updatesLost(count: 2), 8),
            ])
        #expect(
            [told.sessions.new, told.sessions.preserved, told.sessions.recovered, told.sessions.replaced] == [
                1, 2, 2, 1,
            ])
        #expect(told.resent == 4 && told.lostUpdates == 5 && told.newest == Make.nanos(8))
    }

    @Test(arguments: EngineUnderTest.all)
    func `holes that meet count as one, recovered stretches and the time before the first start do not count`(
        engine: EngineUnderTest
    ) throws {
        let told = try continuity(
            engine,
            [
                (hole(0, 100), 100), (hole(400, 500), 500), (hole(300, 300), 300), (hole(200, 250), 250),
                (hole(240, 260), 260), (hole(205, 210), 260), (hole(500, 510), 510),
            ])
        #expect(seconds(told.holes) == [[200, 260], [400, 510]])
        #expect(seconds(told.holes(after: Make.nanos(230))) == [[230, 260], [400, 510]])
        #expect(seconds(told.holes(after: Make.nanos(260))) == [[400, 510]])
    }

    @Test(arguments: EngineUnderTest.all)
    func `blindness lasts until its end is recorded`(engine: EngineUnderTest) throws {
        let began = FeedEvent.blindBegan(since: Make.nanos(90))
        #expect(try continuity(engine, [(hole(10, 20), 20), (began, 100)]).blindSince == Make.nanos(90))
        #expect(
            try continuity(engine, [(began, 100), (hole(90, 90), 101), (.sessionPreserved, 102)]).blindSince == nil)
    }

    @Test(arguments: EngineUnderTest.all)
    func `blindness that begins again in the dark makes a hole of what was before`(engine: EngineUnderTest) throws {
        let told = try continuity(
            engine,
            [
                (.blindBegan(since: Make.nanos(90)), 100), (.blindBegan(since: Make.nanos(95)), 100),
                (hole(95, 110), 110),
            ])
        #expect(seconds(told.holes) == [[90, 110]])
    }

    @Test(arguments: EngineUnderTest.all)
    func `times of today are not summed up`(engine: EngineUnderTest) throws {
        let today = 1_795_000_000.0
        let told = try continuity(
            engine, (0..<12).map { (hole(today + Double($0) * 10, today + Double($0) * 10 + 1), today) })
        #expect(told.holes.count == 12)
    }
}
