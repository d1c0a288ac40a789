import Aggregation
import Foundation
import Host
import MarketData
import Settings
import Streams
import Testing
import TestKit
import Wire

/// The stage itself, on a bus in memory.
@Suite struct AggregatorTests {
    private let world: StageWorld

    init() throws {
        world = try StageWorld()
        world.configuration.timeframes = [.fiveMinutes, .fifteenMinutes]
    }

    private func aggregator() throws -> Aggregator {
        try Aggregator(
            paths: world.paths, configuration: world.configuration, bus: world.bus, service: try world.service(),
            clock: world.clock.clock, logger: world.logger)
    }

    private func settle(_ aggregator: Aggregator) throws {
        repeat { world.clock.advance(by: .milliseconds(100)) } while try aggregator.turn(milliseconds: 0, stop: -1) > 0
        _ = try aggregator.turn(milliseconds: 0, stop: -1)
    }

    /// The feed is seen from 299 s on; a tick in the interval of 300 s, and the clock beyond it.
    private static let interval: [TickEnvelope] = [
        Make.feed(.blindBegan(since: Make.nanos(0))),
        Make.feed(.blindEnded(from: Make.nanos(0), until: Make.nanos(299)), at: 299),
        Make.tick(301, "1.1", "1.2"), Make.tick(302, "1.3", "1.4"), Make.clock(603),
    ]

    private func write(_ records: [TickEnvelope], _ writer: StreamWriter) throws {
        for record in records { try writer.append(record) }
        try writer.commit()
    }

    private func candle(_ start: UTCSeconds, pair: Pair = Make.eurUSD) -> CandleRecord? {
        world.candles(.candles).compactMap(\.candle).first { $0.start.seconds == start && $0.pair == pair }
    }

    @Test func `ticks of the bus become candles, in the journal and on the bus`() throws {
        let ticks = try world.writer(.ticks)
        let aggregator = try aggregator()
        try settle(aggregator)
        try write(Self.interval, ticks)
        try settle(aggregator)
        let candle = try #require(self.candle(300))
        #expect(candle.bid.high.description == "1.3" && candle.tickCount == 2 && !candle.flags.contains(.partial))
        var journal: [[UInt8]] = []
        let reader = try JournalReader(folder: world.paths.journal(.candles), recordSize: CandleEnvelope.byteCount)
        while try reader.read(CandleEnvelope.self, { journal.append($0.bytes) }) > 0 {}
        #expect(journal == world.published[.candles])
    }

    @Test func `a restarted aggregator emits nothing twice, and goes on`() throws {
        let ticks = try world.writer(.ticks)
        try write(Self.interval, ticks)
        do { try settle(try aggregator()) }
        let before = try #require(world.published[.candles])
        let second = try aggregator()
        try settle(second)
        #expect(world.published[.candles] == before)
        try write([Make.tick(620, "1.1", "1.2"), Make.clock(903)], ticks)
        try settle(second)
        #expect(candle(600) != nil)
        #expect(world.candles(.candles).map(\.position) == Array(1...UInt64(world.candles(.candles).count)))
    }

    @Test func `bought candles pass, and larger ones are derived of them`() throws {
        let history = try world.writer(.history)
        for start: UTCSeconds in [0, 300, 600] {
            try history.append(Make.candle(start, source: .bought))
        }
        try history.commit()
        try settle(try aggregator())
        let candles = world.candles(.candles).compactMap(\.candle)
        #expect(candles.filter { $0.source == .bought }.map(\.start.seconds) == [0, 300, 600])
        #expect(candles.filter { $0.source == .derived }.map(\.timeframe) == [.fifteenMinutes])
    }

    @Test func `a journal that ends before what the candles were made of is refused`() throws {
        do {
            try write(Self.interval, try world.writer(.ticks))
            try settle(try aggregator())
        }
        for path in ["", ".highest"] {
            try FileManager.default.removeItem(atPath: world.paths.journal(.ticks) + path)
        }
        do { try write([Make.clock(1)], try world.writer(.ticks)) }
        let failure = #expect(throws: Failure.self) { try aggregator() }
        #expect(failure?.code == .temporary)
        // The writer learns from the mark which positions were given.
        #expect(folderNames(world.paths.journal(.ticks)).contains("aggregator.taken"))
    }

    @Test func `its status says once a second how far it is`() throws {
        let ticks = try world.writer(.ticks)
        let aggregator = try aggregator()
        try settle(aggregator)
        try write(Self.interval, ticks)
        world.clock.advance(by: .seconds(1))
        try settle(aggregator)
        let status = try #require(world.status(.aggregator))
        #expect(status.taken(.ticks) == 5 && status.state == "live")
        #expect(status.written(.candles) == UInt64(world.candles(.candles).count))
        #expect(status.metrics[.ticksFolded] == 2)
        try write([Make.tick(620, "1.1", "1.2")], ticks)
        _ = try aggregator.turn(milliseconds: 0, stop: -1)
        #expect(world.status(.aggregator)?.taken(.ticks) == 5)
        world.clock.advance(by: .seconds(1))
        _ = try aggregator.turn(milliseconds: 0, stop: -1)
        #expect(world.status(.aggregator)?.taken(.ticks) == 6)
    }
}
