import GRDB
import MarketData
import Streams
import Testing
import TestKit
import Wire

/// The faults of the broker's stream: the records, the candles and the log show each as it was.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct StreamFaultTests {
    private static let cutHistory = ["blind began", "session recovered", "blind ended"]

    @Test(arguments: [[], ["--fault", "refuse-websocket"]])
    func `a cut in the middle of a frame loses and repeats nothing`(transport: [String]) async throws {
        let pipeline = try await Payrolls.play(transport + ["--fault", "cut-frame-every=6000", "--speed", "max"])
        try await Payrolls.expectExact(pipeline)
        #expect(try pipeline.events("session recovered") >= 3)
        #expect(try pipeline.holes().count == 1)
        #expect(pipeline.said("ingest-stream", "Connection lost, recovering the session"))
        #expect(!pipeline.said("ingest-stream", "Odd line from the broker"))
        try await pipeline.expectCleanEnd()
    }

    @Test func `a LOOP in the middle of a burst loses and repeats nothing`() async throws {
        let pipeline = try await Payrolls.play(["--fault", "loop-every=4000", "--speed", "max"])
        try await Payrolls.expectExact(pipeline)
        #expect(try pipeline.events("session preserved") >= 5)
        #expect(try Set(pipeline.history()) == Set(Pipeline.begun + ["session preserved"]))
        #expect(pipeline.said("ingest-stream", "Session rebound, nothing missed"))
        try await pipeline.expectCleanEnd()
    }

    @Test(arguments: [0, 700])
    func `a recovery from further back counts nothing twice`(back: Int) async throws {
        let further = back > 0 ? ["--fault", "prog-back=\(back)"] : []
        let pipeline = try await Payrolls.play(["--fault", "cut=9000", "--speed", "max"] + further)
        try await Payrolls.expectExact(pipeline)
        #expect(try pipeline.history() == Pipeline.begun + Self.cutHistory)
        let resent = try pipeline.count("SELECT detail FROM feed_event WHERE event = 'session recovered'")
        #expect(resent >= back)
        #expect(pipeline.said("ingest-stream", "Session recovered, nothing missed", "resent=\(resent)"))
        try pipeline.expectBlindnessTold()
        try await pipeline.expectCleanEnd()
    }

    @Test func `a connection that stays open and says nothing is cut, recovered, and nothing is missing`() async throws
    {
        let pipeline = try await SteadyFeed.play(seconds: 900, ["--speed", "120", "--keepalive", "500"])
        try await eventually("the first candle", within: .seconds(20)) { try pipeline.count(Self.candles) > 0 }
        try pipeline.fault("silence=noprobe")
        try await pipeline.told("ingest-stream", "Feed is silent")
        try await pipeline.told("ingest-stream", "Connection lost, recovering the session", "silence")
        try pipeline.fault("clear")
        try await SteadyFeed.expectWhole(pipeline, ticks: 900)
        #expect(try pipeline.history() == Pipeline.begun + Self.cutHistory)
        #expect(try pipeline.holes().count == 1)
        try await pipeline.expectCleanEnd()
    }

    private static let candles = "SELECT COUNT(*) FROM candle"

    @Test func `a silent heartbeat is no blindness while ticks come: the local clock stands in`() async throws {
        let pipeline = try await SteadyFeed.play(seconds: 900, ["--speed", "90", "--keepalive", "1000"])
        try pipeline.fault("silent-item=TRADE:HB.U.HEARTBEAT.IP")
        try await eventually("the local clock stands in; \(pipeline.logs)", within: .seconds(20)) {
            try ticks(pipeline).contains { $0.kind == .clock && $0.flags.contains(.localClock) }
        }
        #expect(try pipeline.history() == Pipeline.begun)
        try pipeline.fault("clear")
        try await SteadyFeed.expectWhole(pipeline, ticks: 900)
        #expect(try pipeline.history() == Pipeline.begun)
        try await pipeline.expectCleanEnd()
    }

    @Test func `a single silent item has no complete candle and is recorded as blind, the others are complete`()
        async throws
    {
        let item = "silent-item=CHART:CS.D.GBPUSD.CFD.IP:TICK"
        let pipeline = try await SteadyFeed.play(
            ["EUR_USD", "GBP_USD"], seconds: 1_800, ["--speed", "300", "--fault", item])
        let whole = "SELECT SUM(volume) FROM candles WHERE pair = 'EUR_USD' AND timeframe = '5'"
        try await eventually("the other pair is complete; \(pipeline.logs)", within: .seconds(30)) {
            try pipeline.count(whole) == 1_800
        }
        #expect(try pipeline.count("SELECT COUNT(*) FROM candles WHERE pair = 'GBP_USD'") == 0)
        let blind = "SELECT DISTINCT pair FROM feed_event WHERE event = 'blind began'"
        #expect(try pipeline.rows(blind).map { $0[0] as String? } == [nil, "GBP_USD"])
        try await pipeline.expectAllEndInOrder()
    }

    @Test func `updates that the broker declares lost mark the candles of their moment and no other`() async throws {
        let pairs = ["EUR_USD", "GBP_USD"]
        let pipeline = try await SteadyFeed.play(pairs, seconds: 900, ["--speed", "300"])
        try await eventually("the first candle", within: .seconds(20)) { try pipeline.count(Self.candles) > 0 }
        try pipeline.fault("lost=3")
        try await eventually("the last candles; \(pipeline.logs)", within: .seconds(20)) {
            try pipeline.count("SELECT COUNT(*) FROM candles_full") == 8
        }
        for pair in pairs {
            let told = try pipeline.rows("SELECT time, detail FROM feed_event WHERE pair = '\(pair)'")
            #expect(told.count == 1 && told.first?[1] as Int? == 3)
            let moment = try #require(told.first?[0] as Int?) / 1_000_000_000
            for row in try pipeline.rows("SELECT * FROM candles_full WHERE pair = '\(pair)'") {
                let start = row["timestamp"] as Int
                // A loss is reported after it happened: the grace of 2 s belongs to it.
                let isTouched = start <= moment && moment <= start + Int(row["timeframe"] as String)! * 60 + 2
                #expect(row["lost"] as Int == (isTouched ? 3 : 0), "\(start) and \(moment)")
            }
        }
        #expect(pipeline.said("ingest-stream", "Broker declared updates lost", "CS.D.EURUSD.CFD.IP"))
        try pipeline.expectBlindnessTold()
        try await pipeline.expectCleanEnd()
    }

    private func ticks(_ pipeline: Pipeline) throws -> [TickEnvelope] {
        var records: [TickEnvelope] = []
        let journal = try JournalReader(folder: pipeline.state + "/journal/ticks", recordSize: TickEnvelope.byteCount)
        while try journal.read(TickEnvelope.self, { records.append($0) }) > 0 {}
        return records
    }
}
