import Foundation
import Host
import MarketData
import Refolding
import SQLiteStore
import Settings
import Store
import Streams
import TestKit
import Testing
import Wire

/// Which timeframes of the configuration are new.
@Suite struct KnownTimeframesTests {
    private let world: RefoldWorld

    init() throws { world = try RefoldWorld(RefoldWorld.small) }

    private var noted: String {
        String(decoding: fileBytes(world.paths.collectorState + "/timeframes"), as: UTF8.self)
    }

    private func new() throws -> [Timeframe] { try world.refolding().newTask()?.timeframes ?? [] }

    @Test func `of a fresh collector every timeframe is known`() throws {
        #expect(try new().isEmpty && noted == "5m\n15m\n")
    }

    @Test func `a timeframe that was added is new until its past is made`() throws {
        #expect(try new().isEmpty)
        world.configuration.timeframes = RefoldWorld.minutes
        #expect(try new() == RefoldWorld.large && noted == "5m\n15m\n")
        try world.append(Weather(seed: 1, hours: 6).records)
        try world.refold()
        #expect(try new().isEmpty && noted == "5m\n15m\n1h\n4h\n")
        world.configuration.timeframes = RefoldWorld.small
        #expect(try new().isEmpty)
    }

    @Test func `without the file those are known that have candles`() throws {
        try world.append(Weather(seed: 1, hours: 6).records)
        try world.aggregate()
        world.configuration.timeframes = RefoldWorld.minutes
        #expect(try new() == RefoldWorld.large && noted == "5m\n15m\n")
    }

    @Test func `candles of the database count too`() throws {
        let writer = try SQLiteWriter(path: world.paths.database)
        let candle = Make.candle(3_600, minutes: 60).envelope
        _ = try writer.write([candle], collector: .main, stream: .candles, position: 1, now: UTCNanos(rawValue: 0))
        try writer.close()
        #expect(try new() == RefoldWorld.small && noted == "1h\n")
    }

    @Test func `a part of the past, or a timeframe that is not configured, makes nothing known`() throws {
        #expect(try new().isEmpty)
        try world.refold()
        #expect(noted == "5m\n15m\n")
        world.configuration.timeframes = RefoldWorld.minutes
        try world.refold(since: 0)
        try world.refold(pairs: [Make.eurUSD])
        #expect(try new() == RefoldWorld.large)
    }

    @Test func `while an aggregator runs that does not know them, new timeframes wait for its restart`() throws {
        #expect(try new().isEmpty)
        let running = try world.stages.writer(.candles)
        defer { withExtendedLifetime(running) {} }
        // A change of a file has the time of the system's tick.
        usleep(20_000)
        world.file = world.stages.folder.write("timeframes: [5m, 15m, 1h, 4h]".utf8, to: "candlewick.yaml")
        world.configuration.timeframes = RefoldWorld.minutes
        let failure = #expect(throws: Failure.self) { try new() }
        #expect(failure?.code == .temporary && failure?.description.contains("restart it first") == true)
        try world.refold()
        #expect(noted == "5m\n15m\n", "it is made, but not known to go on")
    }
}
