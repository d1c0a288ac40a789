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
        try world.store()
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
        world.configuration.timeframes = RefoldWorld.minutes
        #expect(try new() == RefoldWorld.minutes.filter { $0.minutes != 60 } && noted == "1h\n")
    }

    @Test func `a timeframe that is taken out of the configuration is new when it comes back`() throws {
        world.configuration.timeframes = RefoldWorld.minutes
        #expect(try new().isEmpty && noted == "5m\n15m\n1h\n4h\n")
        world.configuration.timeframes = RefoldWorld.small
        #expect(try new().isEmpty && noted == "5m\n15m\n")
        world.configuration.timeframes = RefoldWorld.minutes
        #expect(try new() == RefoldWorld.large)
    }

    @Test func `a file that is empty is not a missing one`() throws {
        #expect(try new().isEmpty && noted == "5m\n15m\n")
        world.configuration.timeframes = RefoldWorld.large
        #expect(try new() == RefoldWorld.large && noted == "")
        #expect(try new() == RefoldWorld.large)
        #expect(KnownTimeframes.new(world.paths, world.configuration) == Set(RefoldWorld.large))
    }

    @Test func `what was taken out while a refold ran stays out`() throws {
        world.configuration.timeframes = RefoldWorld.minutes
        var known = try KnownTimeframes(world.paths, world.configuration) { nil }
        #expect(known.new.isEmpty)
        world.stages.folder.write("15m\n1h\n".utf8, to: "timeframes")
        try known.add([RefoldWorld.large[1]])
        #expect(noted == "15m\n1h\n4h\n")
    }

    @Test func `reading what is known writes nothing`() throws {
        let known = try KnownTimeframes(world.paths, world.configuration) { nil }
        #expect(known.new.isEmpty && noted == "")
        try known.write()
        #expect(noted == "5m\n15m\n")
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files away"))
    func `nothing is written into another user's folder`() throws {
        let before = try FileManager.default.contentsOfDirectory(atPath: world.paths.state)
        #expect(chown(world.paths.state, 4_242, gid_t.max) == 0)
        #expect(try #require(throws: Failure.self) { try new() }.code == .notPermitted)
        #expect(try #require(throws: Failure.self) { try world.refold() }.code == .notPermitted)
        #expect(try FileManager.default.contentsOfDirectory(atPath: world.paths.state) == before)
    }

    // MARK: A past that may not be whole

    @Test func `without a database a timeframe stays new`() throws {
        #expect(try new().isEmpty)
        world.configuration.timeframes = RefoldWorld.minutes
        try world.append(Weather(seed: 1, hours: 6).records)
        try world.refold()
        #expect(try new() == RefoldWorld.large)
        try world.store()
        try world.refold()
        #expect(try new().isEmpty)
    }

    @Test func `while bought candles are not stored yet, a timeframe stays new`() throws {
        #expect(try new().isEmpty)
        world.configuration.timeframes = RefoldWorld.minutes
        try world.store()
        let history = try world.stages.writer(.history)
        let bought = Make.candle(1_778_572_800, minutes: 15, source: .bought)
        try history.append(bought)
        // A part of a derived candle is not stored.
        try history.append(PartRecord(bought))
        try history.close()
        try world.refold()
        #expect(try new() == RefoldWorld.large)
        let writer = try SQLiteWriter(path: world.paths.database)
        _ = try writer.write([], collector: .main, stream: .history, position: 1, now: UTCNanos(rawValue: 0))
        try writer.close()
        try world.refold()
        #expect(try new().isEmpty)
    }

    @Test func `while it is not known from when on the ticks are whole, a timeframe stays new`() throws {
        #expect(try new().isEmpty)
        world.configuration.timeframes = RefoldWorld.minutes
        try world.store()
        world.stages.configuration.journal.segmentRecords = 100
        try world.append((0..<150).map { Make.clock(Weather.start + Double($0)) })
        try FileManager.default.removeItem(atPath: world.paths.journal(.ticks) + "/00000000000000000001.journal")
        try world.refold()
        #expect(try new() == RefoldWorld.large)
        try world.append([1_100, 1_200, 1_300].map { Make.clock(Weather.start + $0) })
        try world.refold()
        #expect(try new().isEmpty)
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
        try world.store()
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
